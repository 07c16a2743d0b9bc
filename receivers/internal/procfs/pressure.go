// SPDX-License-Identifier: Apache-2.0

package procfs

import "bytes"

// Pressure is a file of pressure stall information: /proc/pressure/cpu, memory, io, or the *.pressure file of a cgroup
// (kernel kernel/sched/psi.c, psi_show; Documentation/accounting/psi.rst).
type Pressure struct {
	// Some: at least one task stalled. Full: all tasks that were not idle stalled; not known for cpu before Linux 5.13,
	// and always zero for the cpu of the whole system.
	Some, Full Stall
}

// Stall is one line of the file.
type Stall struct {
	// Avg10 is the share of time stalled over the last 10 seconds, in percent.
	Avg10 float64
	// Total is the time stalled since boot, or since the cgroup was made, in microseconds.
	Total Number
}

// Parse parses the file.
func (p *Pressure) Parse(data []byte) error {
	*p = Pressure{}
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		kind, rest := NextField(line)
		var err error
		switch string(kind) {
		case "some":
			err = p.Some.parse(rest, line)
		case "full":
			err = p.Full.parse(rest, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Stall) parse(rest, line []byte) error {
	for {
		var field []byte
		if field, rest = NextField(rest); len(field) == 0 {
			break
		}
		key, value, _ := bytes.Cut(field, []byte("="))
		switch string(key) {
		case "avg10":
			var ok bool
			if s.Avg10, ok = ParseDecimal(value); !ok {
				return malformed(line)
			}
		case "total":
			if err := s.Total.parse(value, line); err != nil {
				return err
			}
		}
	}
	if !s.Total.Known {
		return malformed(line)
	}
	return nil
}
