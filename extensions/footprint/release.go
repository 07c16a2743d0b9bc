// SPDX-License-Identifier: Apache-2.0

package footprint

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is a range of this process's addresses.
type mapping struct {
	start, end uintptr
	path       string
	readOnly   bool  // and private
	resident   int64 // bytes
	anonymous  int64 // bytes that are no longer those of the file
}

// releaseProgram takes the pages of the program's own file out of this process: code and data that only the start needed, which are
// most of them in a collector. The kernel keeps them in its cache as long as it has nothing better to do with the memory, and what is
// needed again is mapped again from there, a fault for each 64 KiB. It returns how many bytes were resident.
//
// Private mappings are populated from the file again after MADV_DONTNEED (madvise(2)). So only those are released that can not be
// written and of which nothing has been.
func releaseProgram() (released int64, err error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	mappings, err := readMappings(file)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	for _, m := range mappings {
		if m.path != program || !m.readOnly || m.anonymous > 0 {
			continue
		}
		_, _, errno := unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
		if errno != 0 {
			return released, fmt.Errorf("release %x-%x of %s: %w", m.start, m.end, m.path, errno)
		}
		released += m.resident
	}
	return released, nil
}

// readMappings reads the format of /proc/[pid]/smaps (proc_pid_smaps(5)).
func readMappings(smaps io.Reader) (mappings []mapping, err error) {
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		if m, ok := parseMapping(lines.Text()); ok {
			mappings = append(mappings, m)
			continue
		}
		name, value, _ := strings.Cut(lines.Text(), ":")
		if len(mappings) == 0 || name != "Rss" && name != "Anonymous" {
			continue
		}
		kibibytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if m := &mappings[len(mappings)-1]; name == "Rss" {
			m.resident = kibibytes << 10
		} else {
			m.anonymous = kibibytes << 10
		}
	}
	return mappings, lines.Err()
}

// parseMapping parses the first line of a mapping: "00400000-0048a000 r-xp 00000000 fd:03 960637  /bin/bash".
func parseMapping(line string) (m mapping, ok bool) {
	fields := strings.SplitN(line, " ", 6)
	from, to, found := strings.Cut(fields[0], "-")
	if !found || len(fields) < 6 {
		return m, false
	}
	start, err1 := strconv.ParseUint(from, 16, int(unsafe.Sizeof(m.start))*8)
	end, err2 := strconv.ParseUint(to, 16, int(unsafe.Sizeof(m.end))*8)
	if err1 != nil || err2 != nil {
		return m, false
	}
	permissions := fields[1]
	return mapping{
		start: uintptr(start), end: uintptr(end), path: strings.TrimLeft(fields[5], " "),
		readOnly: len(permissions) == 4 && permissions[1] == '-' && permissions[3] == 'p',
	}, true
}
