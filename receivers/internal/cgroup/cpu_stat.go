// SPDX-License-Identifier: Apache-2.0

package cgroup

const nanosecondsPerMicrosecond = 1000

// parseCPUStat parses cpu.stat.
//
// Version 2 has usage_usec, user_usec and system_usec in every cgroup and nr_periods, nr_throttled and throttled_usec
// where the cpu controller is on (kernel/cgroup/rstat.c cgroup_base_stat_cputime_show, kernel/sched/core.c
// cpu_extra_stat_show). Version 1 has nr_periods, nr_throttled and throttled_time, in nanoseconds (cpu_cfs_stat_show).
func parseCPUStat(data []byte, s *Stats) (ok bool) {
	for key, value := range flatKeyed(data) {
		switch string(key) {
		case "usage_usec":
			s.CPUUsage = known(value * nanosecondsPerMicrosecond)
		case "user_usec":
			s.CPUUser = known(value * nanosecondsPerMicrosecond)
		case "system_usec":
			s.CPUSystem = known(value * nanosecondsPerMicrosecond)
		case "nr_periods":
			s.Periods = known(value)
		case "nr_throttled":
			s.ThrottledPeriods = known(value)
		case "throttled_usec":
			s.ThrottledTime = known(value * nanosecondsPerMicrosecond)
		case "throttled_time":
			s.ThrottledTime = known(value)
		default:
			continue
		}
		ok = true
	}
	return ok
}
