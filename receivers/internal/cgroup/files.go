// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Source is a set of kinds of files, by what they tell.
type Source uint8

// The kinds of files.
const (
	SourceCPU          Source = 1 << iota // CPU time
	SourceCPUBandwidth                    // CPU limit and throttling
	SourceMemory                          // usage, limit, kinds and events of memory
	SourceIO                              // block devices
	SourcePIDs                            // number of tasks and its limit
	SourcePressure                        // pressure stall information
)

// What stands in Container.descriptors for a file that is not open.
const (
	notOpen = -1
	absent  = -2
)

const (
	// maxDescriptors bounds the files that are kept open. The kernel keeps a page for each, so these cost about 20 MB.
	maxDescriptors = 4096
	// recheckAbsent is after how many reads a file that was absent is looked for again: controllers can be switched on
	// later. A container that is just being made is looked at again in each of its first reads.
	recheckAbsent, firstReads = 32, 3
)

// file is one file that every cgroup of a mount has.
type file struct {
	dir    string // mount point
	name   string
	source Source
	// optional files depend on the kernel's version or configuration: their absence is nobody's fault.
	optional bool
	parse    func([]byte, *Stats) bool
}

// files reads the files of containers. It keeps them open between two reads, up to a bound, because opening and closing
// one costs several times what reading does.
type files struct {
	all     []file
	lacking Source // what no container of the system has
	buf     []byte
	free    int // how many more descriptors may be kept
}

func newFiles(h *Hierarchy) *files {
	all, lacking := filesOf(h)
	f := &files{all: all, lacking: lacking, buf: make([]byte, 16<<10), free: maxDescriptors}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		f.free = int(min(maxDescriptors, limit.Cur/4))
	}
	return f
}

// read fills s and says which sources are missing, and whether any file failed that was not known to be absent, or all
// are.
func (f *files) read(c *Container, s *Stats) (missing Source, failed bool) {
	*s, missing = Stats{}, f.lacking
	if c.descriptors == nil {
		c.descriptors = make([]int, len(f.all))
		for i := range c.descriptors {
			c.descriptors[i] = notOpen
		}
	}
	recheck := c.reads < firstReads || c.reads%recheckAbsent == 0
	c.reads++
	done := false
	for i := range f.all {
		file := &f.all[i]
		if c.descriptors[i] != absent || recheck {
			data, err := f.readFile(c, i)
			if err == nil && file.parse(data, s) {
				done = true
				continue
			}
			failed = true
		}
		if !file.optional {
			missing |= file.source
		}
	}
	return missing, failed || !done
}

// readFile returns the content of the file, valid until the next call. A file that can not be read counts as absent.
func (f *files) readFile(c *Container, i int) (data []byte, err error) {
	descriptor := c.descriptors[i]
	if descriptor < 0 {
		path := filepath.Join(f.all[i].dir, c.Path, f.all[i].name)
		if descriptor, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			c.descriptors[i] = absent
			return nil, err
		}
		if f.free > 0 {
			f.free--
			c.descriptors[i] = descriptor
		} else {
			c.descriptors[i] = notOpen
			defer func() { _ = unix.Close(descriptor) }()
		}
	}
	if data, err = f.pread(descriptor); err != nil {
		f.closeFile(c, i)
		c.descriptors[i] = absent
	}
	return data, err
}

// pread reads all from the start. The kernel makes the text of these files in one piece when it is read from offset 0
// (fs/seq_file.c seq_read_iter), so that one call gives all that fits, from one moment.
func (f *files) pread(descriptor int) ([]byte, error) {
	for {
		n, err := unix.Pread(descriptor, f.buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n < len(f.buf) {
			return f.buf[:n], nil
		}
		f.buf = make([]byte, 2*len(f.buf))
	}
}

// close closes the files of a container.
func (f *files) close(c *Container) {
	for i := range c.descriptors {
		f.closeFile(c, i)
	}
}

func (f *files) closeFile(c *Container, i int) {
	if c.descriptors[i] >= 0 {
		_ = unix.Close(c.descriptors[i])
		f.free++
	}
	c.descriptors[i] = notOpen
}
