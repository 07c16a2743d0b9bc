// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"time"
)

// kernelThread is the flag of kernel threads (include/linux/sched.h, PF_KTHREAD).
const kernelThread = 0x00200000

// PIDStat is /proc/[pid]/stat (kernel fs/proc/array.c, do_task_stat; proc_pid_stat(5)). All counts are those of all threads
// of the process, ended ones included.
type PIDStat struct {
	// Comm is the name of the main thread, part of the data that was parsed. A process may name itself as it likes, with
	// parentheses, spaces and newlines; of a kernel thread that works for others it tells the work as well.
	Comm []byte
	// State is R running, S sleeping, D uninterruptible, T stopped, t traced, Z zombie, X dead, I idle kernel thread.
	State byte
	// PPID is the parent's process ID, 0 if it has none here.
	PPID uint64
	// Flags are the task's PF_* flags.
	Flags uint64
	// MinorFaults and MajorFaults count page faults without and with input.
	MinorFaults, MajorFaults uint64
	// UTime and STime are CPU times in 1/UserHZ seconds. UTime includes guest time.
	UTime, STime uint64
	// Nice is -20 to 19.
	Nice int64
	// Threads is the number of threads; 0 once the main thread of a zombie was waited for.
	Threads uint64
	// StartTime is when the process started, in 1/UserHZ seconds since boot, suspension included.
	StartTime uint64
	// VirtualSize is in bytes.
	VirtualSize uint64
	// RSS is in pages. The kernel adds it up of per-CPU counters that may lag by some pages.
	RSS uint64
	// StackStart is the address of the stack's bottom, which every exec chooses anew where addresses are random. 0 for
	// readers that may not trace the process.
	StackStart uint64
}

// IsKernelThread says that the process is a thread of the kernel, which has no executable and no memory of its own.
func (s *PIDStat) IsKernelThread() bool { return s.Flags&kernelThread != 0 }

// Start is when the process started, as time since boot.
func (s *PIDStat) Start() time.Duration { return time.Duration(s.StartTime) * (time.Second / UserHZ) }

// Parse parses the file.
func (s *PIDStat) Parse(data []byte) error {
	*s = PIDStat{}
	opening, closing := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if opening < 0 || closing < opening {
		return malformed(data)
	}
	s.Comm = data[opening+1 : closing]
	line, _ := NextLine(data[closing+1:])
	state, rest := NextField(line)
	if len(state) != 1 {
		return malformed(line)
	}
	s.State = state[0]
	// Fields are numbered as in proc_pid_stat(5); zero values are skipped.
	fields := [...]*uint64{
		4: &s.PPID, 9: &s.Flags, 10: &s.MinorFaults, 12: &s.MajorFaults, 14: &s.UTime, 15: &s.STime, 20: &s.Threads,
		22: &s.StartTime, 23: &s.VirtualSize, 24: &s.RSS, 28: &s.StackStart,
	}
	const nice = 19
	for number := 4; number < len(fields); number++ {
		var field []byte
		field, rest = NextField(rest)
		ok := len(field) > 0
		switch {
		case fields[number] != nil:
			*fields[number], ok = ParseUint(field)
		case number == nice:
			s.Nice, ok = parseInt(field)
		}
		if !ok {
			return malformed(line)
		}
	}
	return nil
}

// parseInt parses a decimal number with an optional minus sign.
func parseInt(field []byte) (value int64, ok bool) {
	if len(field) > 0 && field[0] == '-' {
		magnitude, ok := ParseUint(field[1:])
		return -int64(magnitude), ok && magnitude <= 1<<63
	}
	magnitude, ok := ParseUint(field)
	return int64(magnitude), ok && magnitude < 1<<63
}
