// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"fmt"
	"strconv"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// pidStatus is what /proc/[pid]/status tells of rights (kernel fs/proc/array.c, proc_pid_status; proc_pid_status(5)).
type pidStatus struct {
	// State is the letter of the state, such as S or Z.
	State byte
	// EUID is the effective user ID as seen from the user namespace of the reader.
	EUID procfs.Number
	// CapEff and CapBnd are the effective and the bounding set of capabilities, a bit each.
	CapEff, CapBnd hexNumber
	// NoNewPrivs is since Linux 4.10; Seccomp, 0 off, 1 strict, 2 filter, is lacking without CONFIG_SECCOMP.
	NoNewPrivs, Seccomp procfs.Number
}

// hexNumber is a bit set that not every kernel tells.
type hexNumber struct {
	Value uint64
	Known bool
}

// parse parses the file.
func (s *pidStatus) parse(data []byte) error {
	*s = pidStatus{}
	for len(data) > 0 {
		var line []byte
		line, data = procfs.NextLine(data)
		key, rest := procfs.NextField(line)
		value, rest := procfs.NextField(rest)
		ok := true
		switch string(key) {
		case "State:":
			if ok = len(value) == 1; ok {
				s.State = value[0]
			}
		case "Uid:": // real, effective, saved set, file system
			value, _ = procfs.NextField(rest)
			ok = setNumber(&s.EUID, value)
		case "CapEff:":
			ok = s.CapEff.set(value)
		case "CapBnd:":
			ok = s.CapBnd.set(value)
		case "NoNewPrivs:":
			ok = setNumber(&s.NoNewPrivs, value)
		case "Seccomp:":
			ok = setNumber(&s.Seccomp, value)
		}
		if !ok {
			return malformed(line)
		}
	}
	if !s.EUID.Known || !s.CapEff.Known {
		return malformed(nil)
	}
	return nil
}

func setNumber(n *procfs.Number, field []byte) (ok bool) {
	n.Value, ok = procfs.ParseUint(field)
	n.Known = ok
	return ok
}

// set parses hexadecimal digits without a prefix.
func (n *hexNumber) set(field []byte) (ok bool) {
	value, err := strconv.ParseUint(string(field), 16, 64)
	*n = hexNumber{Value: value, Known: err == nil}
	return err == nil
}

func malformed(line []byte) error {
	const most = 80
	return fmt.Errorf("%w: line %q", procfs.ErrFormat, line[:min(len(line), most)])
}
