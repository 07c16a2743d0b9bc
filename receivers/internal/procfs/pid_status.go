// SPDX-License-Identifier: Apache-2.0

package procfs

// PIDStatus is /proc/[pid]/status, as far as PIDStat does not tell it (kernel fs/proc/array.c, proc_pid_status;
// proc_pid_status(5)).
type PIDStatus struct {
	// UID is the effective user ID as seen from the user namespace of the reader.
	UID Number
	// RSSShmem and Swap are shared memory that is resident, and memory that is swapped out without it, in bytes. Not known
	// for what has no memory of its own: kernel threads and zombies.
	RSSShmem, Swap Number
	// Voluntary and Involuntary count context switches of the main thread.
	Voluntary, Involuntary Number
}

const kibibyte = 1024

// Parse parses the file.
func (s *PIDStatus) Parse(data []byte) error {
	*s = PIDStatus{}
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		key, rest := NextField(line)
		var err error
		switch string(key) {
		case "Uid:": // real, effective, saved set, file system
			_, rest = NextField(rest)
			err = s.UID.parseNext(rest, line, 1)
		case "VmSwap:":
			err = s.Swap.parseNext(rest, line, kibibyte)
		case "RssShmem:":
			err = s.RSSShmem.parseNext(rest, line, kibibyte)
		case "voluntary_ctxt_switches:":
			err = s.Voluntary.parseNext(rest, line, 1)
		case "nonvoluntary_ctxt_switches:":
			err = s.Involuntary.parseNext(rest, line, 1)
		}
		if err != nil {
			return err
		}
	}
	if !s.UID.Known {
		return malformed(nil)
	}
	return nil
}

func (n *Number) parseNext(rest, line []byte, unit uint64) error {
	field, _ := NextField(rest)
	err := n.parse(field, line)
	n.Value *= unit
	return err
}
