// SPDX-License-Identifier: Apache-2.0

package cgroup

// nanosecondsPerTick is 1/USER_HZ, which is 100 on all architectures (include/asm-generic/param.h).
const nanosecondsPerTick = 10_000_000

// parseCPUAcctStat parses cpuacct.stat of version 1: user and system in USER_HZ (Documentation/admin-guide/cgroup-v1/
// cpuacct.rst; kernel/sched/cpuacct.c cpuacct_stats_show).
func parseCPUAcctStat(data []byte, s *Stats) (ok bool) {
	for key, value := range flatKeyed(data) {
		switch string(key) {
		case "user":
			s.CPUUser = known(value * nanosecondsPerTick)
		case "system":
			s.CPUSystem = known(value * nanosecondsPerTick)
		default:
			continue
		}
		ok = true
	}
	return ok
}

// parseCPUAcctUsage parses cpuacct.usage of version 1: nanoseconds.
func parseCPUAcctUsage(data []byte, s *Stats) (ok bool) {
	s.CPUUsage, ok = single(data)
	return ok
}
