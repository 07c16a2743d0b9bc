// SPDX-License-Identifier: Apache-2.0

package cgroup

import "github.com/nodesec/nodesec/receivers/internal/procfs"

// parseMemoryUsage parses memory.current, in version 1 memory.usage_in_bytes.
func parseMemoryUsage(data []byte, s *Stats) (ok bool) {
	s.MemoryUsage, ok = single(data)
	return ok
}

// parseMemoryMax parses memory.max, in version 1 memory.limit_in_bytes. Version 1 has no word for no limit: it shows the
// largest page counter in bytes, which is the largest signed 64-bit number rounded down to a page (PAGE_COUNTER_MAX in
// include/linux/page_counter.h).
func parseMemoryMax(data []byte, s *Stats) (ok bool) {
	const largestPage = 64 << 10
	s.MemoryMax, ok = single(data)
	if s.MemoryMax.Value >= 1<<63-largestPage {
		s.MemoryMax = procfs.Number{}
	}
	return ok
}

// parseMemorySwap parses memory.swap.current of version 2. Version 1 has swap in memory.stat.
func parseMemorySwap(data []byte, s *Stats) (ok bool) {
	s.MemorySwap, ok = single(data)
	return ok
}

// parseMemoryKernel parses memory.kmem.usage_in_bytes of version 1. Version 2 has it in memory.stat.
func parseMemoryKernel(data []byte, s *Stats) (ok bool) {
	s.MemoryStat.Kernel, ok = single(data)
	return ok
}

// parseMemorySockets parses memory.kmem.tcp.usage_in_bytes of version 1. Version 2 has it in memory.stat.
func parseMemorySockets(data []byte, s *Stats) (ok bool) {
	s.MemoryStat.Sockets, ok = single(data)
	return ok
}

// WorkingSet is the memory in use without the file pages that were not used lately, as kubelet and cAdvisor compute it;
// not ok if unknown.
func (s *Stats) WorkingSet() (bytes uint64, ok bool) {
	if !s.MemoryUsage.Known || !s.MemoryStat.InactiveFile.Known {
		return 0, false
	}
	return s.MemoryUsage.Value - min(s.MemoryUsage.Value, s.MemoryStat.InactiveFile.Value), true
}
