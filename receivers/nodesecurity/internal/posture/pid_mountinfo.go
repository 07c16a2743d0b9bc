// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// mountinfo is /proc/[pid]/mountinfo (kernel fs/proc_namespace.c, show_mountinfo; proc_pid_mountinfo(5)). Package procfs
// reads the same file for sizes of file systems; posture needs what part of a file system was mounted, and where.
type mountinfo struct {
	// Mounts are in the order of mounting; a later one hides an earlier one at the same place.
	Mounts []mount
}

// mount is one line. Its fields share memory with the data parsed and are escaped as the kernel wrote them: equal paths
// are escaped equally.
type mount struct {
	// Device is the file system: major number in the upper half, minor in the lower.
	Device uint64
	// Root is the directory or file of the file system that is mounted, Point where, as the process sees it.
	Root, Point []byte
	FSType      []byte
	// ReadOnly says that the mount or the whole file system is read-only, MountReadOnly that the mount is.
	ReadOnly, MountReadOnly bool
}

// parse parses the file. Mounts are valid until the next call.
func (m *mountinfo) parse(data []byte) error {
	m.Mounts = m.Mounts[:0]
	for len(data) > 0 {
		var line []byte
		line, data = procfs.NextLine(data)
		var one mount
		if err := one.parse(line); err != nil {
			return err
		}
		m.Mounts = append(m.Mounts, one)
	}
	return nil
}

// parse parses "27 1 254:0 /root /point options optional... - type source options".
func (m *mount) parse(line []byte) error {
	_, rest := procfs.NextField(line) // mount ID
	_, rest = procfs.NextField(rest)  // parent ID
	device, rest := procfs.NextField(rest)
	m.Root, rest = procfs.NextField(rest)
	m.Point, rest = procfs.NextField(rest)
	options, rest := procfs.NextField(rest)
	_, rest, separated := bytes.Cut(rest, []byte(" - ")) // after any number of optional fields
	major, minor, ok := bytes.Cut(device, []byte(":"))
	if !ok || !separated {
		return malformed(line)
	}
	majorNumber, ok1 := procfs.ParseUint(major)
	minorNumber, ok2 := procfs.ParseUint(minor)
	m.FSType, rest = procfs.NextField(rest)
	if bytes.HasPrefix(rest, []byte("  ")) {
		rest = rest[1:] // an empty source
	} else {
		_, rest = procfs.NextField(rest)
	}
	superOptions, _ := procfs.NextField(rest)
	if !ok1 || !ok2 || majorNumber>>32 != 0 || minorNumber>>32 != 0 || len(superOptions) == 0 || len(m.Point) == 0 {
		return malformed(line)
	}
	m.Device = majorNumber<<32 | minorNumber
	m.MountReadOnly = isReadOnly(options)
	m.ReadOnly = m.MountReadOnly || isReadOnly(superOptions)
	return nil
}

// at returns the mount that is seen at a place, which is the last one there.
func (m *mountinfo) at(point string) (found *mount) {
	for i := range m.Mounts {
		if string(m.Mounts[i].Point) == point {
			found = &m.Mounts[i]
		}
	}
	return found
}

// isReadOnly reports whether "ro" is the first option, which is where the kernel writes it.
func isReadOnly(options []byte) bool {
	return bytes.Equal(options, []byte("ro")) || bytes.HasPrefix(options, []byte("ro,"))
}

// below reports whether a path is dir or below it.
func below(path []byte, dir string) bool {
	return len(path) >= len(dir) && string(path[:len(dir)]) == dir &&
		(len(path) == len(dir) || path[len(dir)] == '/' || dir == "/")
}
