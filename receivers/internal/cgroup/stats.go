// SPDX-License-Identifier: Apache-2.0

package cgroup

import "github.com/nodesec/nodesec/receivers/internal/procfs"

// Stats is what the files of one cgroup say, version 1 or 2. Each number covers the cgroup and all below it. Counters run
// since the cgroup was made; the rest is of now. A number is not known if the kernel does not tell it; a limit, if there
// is none.
type Stats struct {
	CPUUsage, CPUUser, CPUSystem procfs.Number // counters, ns

	Periods, ThrottledPeriods, ThrottledTime procfs.Number // counters; the last in ns

	CPUQuota, CPUPeriod procfs.Number // µs; CPUQuota in each CPUPeriod is the limit

	MemoryUsage, MemoryMax, MemorySwap procfs.Number // bytes

	MemoryStat   MemoryStat
	MemoryEvents MemoryEvents

	ReadBytes, WrittenBytes, Reads, Writes procfs.Number // counters, of block devices

	PIDs, PIDsMax, PIDsMaxEvents procfs.Number // tasks; the last a counter

	CPUPressure, MemoryPressure, IOPressure procfs.Pressure
}

func known(value uint64) procfs.Number { return procfs.Number{Value: value, Known: true} }
