// SPDX-License-Identifier: Apache-2.0

package cgroup

import "github.com/nodesec/nodesec/receivers/internal/procfs"

// MemoryEvents counts what happened at the limits of memory.
type MemoryEvents struct {
	Low, High, Max, OOM, OOMKill procfs.Number
}

// parseMemoryEvents parses memory.events of version 2 (Documentation/admin-guide/cgroup-v2.rst, "Memory Interface
// Files"). oom_kill is there since 4.13.
func parseMemoryEvents(data []byte, s *Stats) (ok bool) {
	for key, value := range flatKeyed(data) {
		switch string(key) {
		case "low":
			s.MemoryEvents.Low = known(value)
		case "high":
			s.MemoryEvents.High = known(value)
		case "max":
			s.MemoryEvents.Max = known(value)
		case "oom":
			s.MemoryEvents.OOM = known(value)
		case "oom_kill":
			s.MemoryEvents.OOMKill = known(value)
		default:
			continue
		}
		ok = true
	}
	return ok
}

// parseMemoryFailCount parses memory.failcnt of version 1: how often the usage hit the limit, what version 2 calls max.
func parseMemoryFailCount(data []byte, s *Stats) (ok bool) {
	s.MemoryEvents.Max, ok = single(data)
	return ok
}

// parseMemoryOOMControl parses memory.oom_control of version 1; oom_kill is there since 4.13
// (mm/memcontrol-v1.c mem_cgroup_oom_control_read).
func parseMemoryOOMControl(data []byte, s *Stats) (ok bool) {
	for key, value := range flatKeyed(data) {
		if string(key) == "oom_kill" {
			s.MemoryEvents.OOMKill, ok = known(value), true
		}
	}
	return ok
}
