// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"strconv"
)

// Mountinfo is /proc/[pid]/mountinfo (kernel fs/proc_namespace.c, show_mountinfo; proc_pid_mountinfo(5)).
type Mountinfo struct {
	// Mounts are in the order of mounting; a later one hides an earlier one at the same place.
	Mounts []Mount
}

// Mount is one line of the file. Its fields share memory with the data parsed and are escaped, see Unescape.
type Mount struct {
	// Major and Minor are the device of the file system; major 0 is one without a block device of its own.
	Major, Minor uint64
	// Root is which directory of the file system is mounted; of cgroups as seen from the reader's cgroup namespace.
	Root []byte
	// Point is where it is mounted.
	Point []byte
	// FSType is the kind of the file system, Source what it was mounted from.
	FSType, Source []byte
	// ReadOnly says that the mount or the whole file system is read-only.
	ReadOnly bool
}

// Parse parses the file. Mounts are valid until the next call.
func (m *Mountinfo) Parse(data []byte) error {
	m.Mounts = m.Mounts[:0]
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		var mount Mount
		if err := mount.parse(line); err != nil {
			return err
		}
		m.Mounts = append(m.Mounts, mount)
	}
	return nil
}

// parse parses "27 1 254:0 /root /point options optional... - type source options".
func (m *Mount) parse(line []byte) error {
	_, rest := NextField(line) // mount ID
	_, rest = NextField(rest)  // parent ID
	device, rest := NextField(rest)
	major, minor, ok := bytes.Cut(device, []byte(":"))
	m.Root, rest = NextField(rest)
	m.Point, rest = NextField(rest)
	options, rest := NextField(rest)
	_, rest, separated := bytes.Cut(rest, []byte(" - ")) // after any number of optional fields
	if !ok || !separated {
		return malformed(line)
	}
	var okMajor, okMinor bool
	m.Major, okMajor = ParseUint(major)
	m.Minor, okMinor = ParseUint(minor)
	m.FSType, rest = NextField(rest)
	m.Source, rest = nextSource(rest)
	superOptions, _ := NextField(rest)
	if !okMajor || !okMinor || len(superOptions) == 0 {
		return malformed(line)
	}
	m.ReadOnly = isReadOnly(options) || isReadOnly(superOptions)
	return nil
}

// nextSource is NextField for the source of a mount, the one field that may be empty: two spaces follow each other
// then.
func nextSource(rest []byte) (source, after []byte) {
	if bytes.HasPrefix(rest, []byte("  ")) {
		return nil, rest[1:]
	}
	return NextField(rest)
}

// isReadOnly reports whether "ro" is the first option, which is where the kernel writes it.
func isReadOnly(options []byte) bool {
	return bytes.Equal(options, []byte("ro")) || bytes.HasPrefix(options, []byte("ro,"))
}

// Unescape replaces the octal escapes of a path in mountinfo, which are those of space, tab, newline, backslash and #.
func Unescape(field []byte) string {
	if bytes.IndexByte(field, '\\') < 0 {
		return string(field)
	}
	path := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if c, err := strconv.ParseUint(string(field[i+1:i+4]), 8, 8); err == nil {
				path = append(path, byte(c))
				i += 3
				continue
			}
		}
		path = append(path, field[i])
	}
	return string(path)
}
