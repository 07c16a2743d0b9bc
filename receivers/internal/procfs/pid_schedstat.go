// SPDX-License-Identifier: Apache-2.0

package procfs

// PIDSchedstat is /proc/[pid]/schedstat: of the main thread alone (kernel fs/proc/base.c, proc_pid_schedstat;
// Documentation/scheduler/sched-stats.rst).
type PIDSchedstat struct {
	// RunTime and RunDelay are the times on a CPU and runnable without one, in nanoseconds.
	RunTime, RunDelay uint64
	// Slices counts how often the thread came to run.
	Slices uint64
}

// Parse parses the file.
func (s *PIDSchedstat) Parse(data []byte) error {
	*s = PIDSchedstat{}
	line, _ := NextLine(data)
	_, err := nextUints(line, line, &s.RunTime, &s.RunDelay, &s.Slices)
	return err
}
