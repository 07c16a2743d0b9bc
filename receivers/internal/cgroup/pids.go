// SPDX-License-Identifier: Apache-2.0

package cgroup

// parsePIDs parses pids.current: tasks, threads included (Documentation/admin-guide/cgroup-v1/pids.rst, for both
// versions).
func parsePIDs(data []byte, s *Stats) (ok bool) {
	s.PIDs, ok = single(data)
	return ok
}

// parsePIDsMax parses pids.max.
func parsePIDsMax(data []byte, s *Stats) (ok bool) {
	s.PIDsMax, ok = single(data)
	return ok
}

// parsePIDsEvents parses pids.events: max counts the forks that failed on a limit (kernel/cgroup/pids.c
// __pids_events_show).
func parsePIDsEvents(data []byte, s *Stats) (ok bool) {
	for key, value := range flatKeyed(data) {
		if string(key) == "max" {
			s.PIDsMaxEvents, ok = known(value), true
		}
	}
	return ok
}
