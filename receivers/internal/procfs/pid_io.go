// SPDX-License-Identifier: Apache-2.0

package procfs

// PIDIO is /proc/[pid]/io (kernel fs/proc/base.c, do_io_accounting; proc_pid_io(5)). All counts are those of all threads of
// the process, ended ones included, and of its children that ended and were waited for.
type PIDIO struct {
	// ReadChars and WrittenChars are the bytes passed through read and write calls, page cache and pipes included.
	ReadChars, WrittenChars uint64
	// ReadCalls and WriteCalls are those calls.
	ReadCalls, WriteCalls uint64
	// ReadBytes and WrittenBytes are the bytes that storage had to deliver, and those of pages made dirty.
	ReadBytes, WrittenBytes uint64
}

// Parse parses the file.
func (s *PIDIO) Parse(data []byte) error {
	*s = PIDIO{}
	found := 0
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		key, rest := NextField(line)
		var value *uint64
		switch string(key) {
		case "rchar:":
			value = &s.ReadChars
		case "wchar:":
			value = &s.WrittenChars
		case "syscr:":
			value = &s.ReadCalls
		case "syscw:":
			value = &s.WriteCalls
		case "read_bytes:":
			value = &s.ReadBytes
		case "write_bytes:":
			value = &s.WrittenBytes
		default:
			continue
		}
		if _, err := nextUints(rest, line, value); err != nil {
			return err
		}
		found++
	}
	if found != 6 {
		return malformed(nil)
	}
	return nil
}
