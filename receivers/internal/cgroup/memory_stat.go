// SPDX-License-Identifier: Apache-2.0

package cgroup

import "github.com/nodesec/nodesec/receivers/internal/procfs"

// MemoryStat is memory.stat: bytes by kind, and two counters.
type MemoryStat struct {
	Anon, File, Kernel, Sockets, Shmem procfs.Number

	FileDirty, FileWriteback, InactiveFile, Unevictable procfs.Number

	Faults, MajorFaults procfs.Number // counters
}

// parseMemoryStat parses memory.stat of version 2 (Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files";
// mm/memcontrol.c memory_stats). kernel is there since 5.18; before it the parts of it that there are add up to a little
// less, so it stays unknown.
func parseMemoryStat(data []byte, s *Stats) (ok bool) {
	m := &s.MemoryStat
	for key, value := range flatKeyed(data) {
		switch string(key) {
		case "anon":
			m.Anon = known(value)
		case "file":
			m.File = known(value)
		case "kernel":
			m.Kernel = known(value)
		case "sock":
			m.Sockets = known(value)
		case "shmem":
			m.Shmem = known(value)
		case "file_dirty":
			m.FileDirty = known(value)
		case "file_writeback":
			m.FileWriteback = known(value)
		case "inactive_file":
			m.InactiveFile = known(value)
		case "unevictable":
			m.Unevictable = known(value)
		case "pgfault":
			m.Faults = known(value)
		case "pgmajfault":
			m.MajorFaults = known(value)
		default:
			continue
		}
		ok = true
	}
	return ok
}

// parseMemoryStatV1 parses memory.stat of version 1 (Documentation/admin-guide/cgroup-v1/memory.rst, "stat file";
// mm/memcontrol-v1.c memcg1_stat_format). The fields that begin with total_ cover what is below the cgroup too. swap is
// missing where swap is not accounted.
func parseMemoryStatV1(data []byte, s *Stats) (ok bool) {
	m := &s.MemoryStat
	for key, value := range flatKeyed(data) {
		switch string(key) {
		case "total_rss":
			m.Anon = known(value)
		case "total_cache":
			m.File = known(value)
		case "total_shmem":
			m.Shmem = known(value)
		case "total_dirty":
			m.FileDirty = known(value)
		case "total_writeback":
			m.FileWriteback = known(value)
		case "total_inactive_file":
			m.InactiveFile = known(value)
		case "total_unevictable":
			m.Unevictable = known(value)
		case "total_swap":
			s.MemorySwap = known(value)
		case "total_pgfault":
			m.Faults = known(value)
		case "total_pgmajfault":
			m.MajorFaults = known(value)
		default:
			continue
		}
		ok = true
	}
	return ok
}
