// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func setuidDirs() []string {
	return []string{
		"/usr/bin", "/usr/sbin", "/usr/local", "/usr/libexec", "/bin", "/sbin", "/lib", "/usr/lib", "/opt",
	}
}

const (
	// setuidEntries is about how many entries of directories are looked at in one reading, some microseconds each.
	setuidEntries = 1 << 11
	// maxSetuidEntries ends a sweep, at what is hardly a directory of programs any more.
	maxSetuidEntries = 1 << 21
	maxSetuidDirs    = 1 << 18
)

// setuidSweep looks for setuid files in directories of programs, without following links. There may be a hundred
// thousand files, and the kernel tells of none that its mode changed, so each has to be asked for its mode; that is
// spread over as many readings as it takes, and the facts are those of the last sweep that came to its end.
type setuidSweep struct {
	dirs    []string
	pending []string // directories to do, the last one first
	offset  int64    // where in the directory that is done now the previous reading stopped; 0 is its beginning
	entries int
	count   int64
	sum     fingerprint
	err     error

	lastCount int64
	lastSum   fingerprint
	swept     bool // there is a last one
}

func newSetuidSweep(dirs []string) setuidSweep { return setuidSweep{dirs: dirs} }

// readSetuid goes on with the sweep. What is found to have changed is told once, at the reading that ended the sweep.
func (r *Reader) readSetuid(n *node) {
	s := &r.setuid
	known, before := s.swept, s.lastSum
	if err := s.step(r.tree, n.remote, setuidEntries); err != nil {
		n.errs = append(n.errs, err)
	}
	if s.swept {
		n.add(Inventory, setuidFiles, s.lastCount)
	}
	if known && s.swept {
		n.add(Changed, setuidFiles, flag(before != s.lastSum))
	}
}

// step looks at about budget entries, and begins a sweep if none is under way. The error is that of a sweep which came
// to its end without seeing everything.
func (s *setuidSweep) step(t *tree, remote []string, budget int) error {
	if len(s.pending) == 0 {
		*s = setuidSweep{
			dirs: s.dirs, pending: s.pending, lastCount: s.lastCount, lastSum: s.lastSum, swept: s.swept,
		}
		for i := len(s.dirs) - 1; i >= 0; i-- {
			s.pending = append(s.pending, s.dirs[i])
		}
	}
	until := s.entries + budget
	for len(s.pending) > 0 && s.entries < until && s.entries < maxSetuidEntries {
		if err := s.directory(t, remote, until); err != nil && s.err == nil {
			s.err = err
		}
	}
	if len(s.pending) > 0 && s.entries < maxSetuidEntries {
		return nil
	}
	s.pending = s.pending[:0]
	if s.err != nil {
		s.swept = false
		return s.err
	}
	s.lastCount, s.lastSum, s.swept = s.count, s.sum, true
	return nil
}

// directory goes on with the last pending directory and takes it off if it came to its end.
func (s *setuidSweep) directory(t *tree, remote []string, until int) error {
	path, at := s.pending[len(s.pending)-1], len(s.pending)-1
	done := func() { s.pending, s.offset = append(s.pending[:at], s.pending[at+1:]...), 0 }
	if belowAny(path, remote) {
		done()
		return nil
	}
	fd, err := t.ownDir(path)
	if err != nil {
		done()
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil // it is gone, or a link
		}
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if s.offset > 0 {
		if _, err := unix.Seek(fd, s.offset, unix.SEEK_SET); err != nil {
			done()
			return fmt.Errorf("seek in %s: %w", path, err)
		}
	}
	for {
		more, err := t.some(fd, func(e entry) error { return s.visit(fd, path, e) })
		if err != nil || !more {
			done()
			if err != nil {
				return fmt.Errorf("list %s: %w", path, err)
			}
			return nil
		}
		if s.entries >= until {
			// Subdirectories were put after it and are done first, but the place is kept for it only. So it stays last.
			last := len(s.pending) - 1
			s.pending[at], s.pending[last] = s.pending[last], s.pending[at]
			s.offset, err = unix.Seek(fd, 0, unix.SEEK_CUR)
			return err
		}
	}
}

func (s *setuidSweep) visit(dir int, path string, e entry) error {
	s.entries++
	switch e.kind {
	case unix.DT_DIR:
		if len(s.pending) >= maxSetuidDirs {
			return errTooMany
		}
		s.pending = append(s.pending, path+"/"+string(e.name))
	case unix.DT_REG:
		var st unix.Statx_t
		const mask = unix.STATX_MODE | unix.STATX_UID | unix.STATX_GID | unix.STATX_INO | unix.STATX_SIZE | unix.STATX_CTIME
		// The name is followed by a NUL, see entry: as the kernel wants it, and without a copy of each of thousands.
		_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&e.name[0])),
			unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC, mask, uintptr(unsafe.Pointer(&st)), 0)
		if errno == 0 && st.Mode&unix.S_ISUID != 0 && st.Mode&unix.S_IFMT == unix.S_IFREG {
			s.count++
			s.add(path, e.name, &st)
		}
	}
	return nil
}

func (s *setuidSweep) add(path string, name []byte, st *unix.Statx_t) {
	var data []byte
	for _, value := range [...]uint64{
		uint64(st.Mode), uint64(st.Uid), uint64(st.Gid), st.Ino, st.Size, uint64(st.Ctime.Sec), uint64(st.Ctime.Nsec),
	} {
		data = binary.LittleEndian.AppendUint64(data, value)
	}
	s.sum.add(path+"/"+string(name), data)
}
