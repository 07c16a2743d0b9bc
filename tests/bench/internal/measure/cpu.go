// SPDX-License-Identifier: Apache-2.0

// Package measure reads what work costs: CPU time of this and of other processes, allocations.
package measure

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the CPU time that all threads of this process have used, in user and kernel mode.
func CPU() (time.Duration, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read the CPU time of this process: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// ProcessCPU returns the CPU time that all threads of a process have used, ended ones included. It is exact to the
// nanosecond where /proc/[pid]/stat counts in ticks of 10 ms.
func ProcessCPU(pid int) (time.Duration, error) {
	// MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED), linux 6.12 include/linux/posix-timers_types.h.
	clock := int32(^pid<<3 | 2)
	var now unix.Timespec
	if err := unix.ClockGettime(clock, &now); err != nil {
		return 0, fmt.Errorf("read the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(now.Nano()), nil
}

// Cost is what a piece of work in this process has cost.
type Cost struct {
	CPU, Wall   time.Duration
	Allocations uint64
}

// Add adds the cost of more work.
func (c *Cost) Add(more Cost) {
	c.CPU += more.CPU
	c.Wall += more.Wall
	c.Allocations += more.Allocations
}

// Of runs work and returns what it cost. Garbage of earlier work is collected first, so that it is not charged to
// this one.
func Of(work func() error) (Cost, error) {
	runtime.GC()
	return Warm(work)
}

// Warm is Of without collecting garbage first, which takes what the work is about out of the processor's caches: for work that
// follows right after what made it, as in a pipeline.
func Warm(work func() error) (Cost, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	started := time.Now()
	cpu, err := CPU()
	if err != nil {
		return Cost{}, err
	}
	if err := work(); err != nil {
		return Cost{}, err
	}
	end, err := CPU()
	if err != nil {
		return Cost{}, err
	}
	wall := time.Since(started)
	runtime.ReadMemStats(&after)
	return Cost{CPU: end - cpu, Wall: wall, Allocations: after.Mallocs - before.Mallocs}, nil
}
