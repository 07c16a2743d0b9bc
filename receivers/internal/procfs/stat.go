// SPDX-License-Identifier: Apache-2.0

package procfs

// CPUTimes is the time that CPUs spent in each mode, in 1/UserHZ seconds, in the kernel's order. User and Nice include
// Guest and GuestNice. Idle and IOWait may fall (kernel Documentation/filesystems/proc.rst, 1.7).
type CPUTimes struct {
	User, Nice, System, Idle, IOWait, IRQ, SoftIRQ, Steal, Guest, GuestNice uint64
}

// Stat is /proc/stat without the values of single CPUs and interrupts (kernel fs/proc/stat.c; proc_stat(5)).
type Stat struct {
	// CPU is the sum over all CPUs, those that went offline included.
	CPU CPUTimes
	// CPUs is the number of CPUs online.
	CPUs int
	// Interrupts, ContextSwitches, Forks (threads included) and SoftIRQs count since boot. The kernel counts each CPU's
	// SoftIRQs in 32 bits, so the sum may fall by 1<<32.
	Interrupts, ContextSwitches, Forks, SoftIRQs Number
	// Running and Blocked are tasks that are runnable, and that wait for input or output.
	Running, Blocked Number
}

// Parse parses the file.
func (s *Stat) Parse(data []byte) error {
	*s = Stat{}
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		if err := s.parseLine(line); err != nil {
			return err
		}
	}
	if s.CPUs == 0 {
		return malformed(nil)
	}
	return nil
}

func (s *Stat) parseLine(line []byte) error {
	key, rest := NextField(line)
	var number *Number
	switch string(key) {
	case "cpu":
		c := &s.CPU
		_, err := nextUints(rest, line, &c.User, &c.Nice, &c.System, &c.Idle, &c.IOWait, &c.IRQ, &c.SoftIRQ, &c.Steal,
			&c.Guest, &c.GuestNice)
		return err
	case "intr":
		number = &s.Interrupts
	case "ctxt":
		number = &s.ContextSwitches
	case "processes":
		number = &s.Forks
	case "procs_running":
		number = &s.Running
	case "procs_blocked":
		number = &s.Blocked
	case "softirq":
		number = &s.SoftIRQs
	default:
		if len(key) > 3 && string(key[:3]) == "cpu" {
			s.CPUs++
		}
		return nil
	}
	field, _ := NextField(rest)
	return number.parse(field, line)
}
