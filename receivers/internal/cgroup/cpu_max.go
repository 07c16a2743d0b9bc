// SPDX-License-Identifier: Apache-2.0

package cgroup

import "github.com/nodesec/nodesec/receivers/internal/procfs"

// parseCPUMax parses cpu.max of version 2: "$MAX $PERIOD" in microseconds, where $MAX may be the word max
// (Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files").
func parseCPUMax(data []byte, s *Stats) (ok bool) {
	line, _ := procfs.NextLine(data)
	quota, rest := procfs.NextField(line)
	period, _, ok := procfs.NextUint(rest)
	if !ok {
		return false
	}
	if s.CPUQuota, ok = single(quota); ok {
		s.CPUPeriod = known(period)
	}
	return ok
}

// parseCFSQuota parses cpu.cfs_quota_us of version 1: microseconds, -1 without a limit (Documentation/scheduler/
// sched-bwc.rst).
func parseCFSQuota(data []byte, s *Stats) (ok bool) {
	s.CPUQuota, ok = single(data)
	return ok
}

// parseCFSPeriod parses cpu.cfs_period_us of version 1: microseconds.
func parseCFSPeriod(data []byte, s *Stats) (ok bool) {
	s.CPUPeriod, ok = single(data)
	return ok
}

// CPULimit is how many CPUs the cgroup may use on average; not ok without a limit.
func (s *Stats) CPULimit() (cpus float64, ok bool) {
	if !s.CPUQuota.Known || s.CPUPeriod.Value == 0 {
		return 0, false
	}
	return float64(s.CPUQuota.Value) / float64(s.CPUPeriod.Value), true
}
