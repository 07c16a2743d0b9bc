// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// tree is the file system of the node below its root. Users of the node write parts of it, so that nothing in it is
// trusted: paths are resolved as if the root were that of this process, and nothing leads out of it; what is not a
// regular file is not opened, so that no FIFO or device blocks or wakes up; and what is read is bounded.
type tree struct {
	fd      int
	path    string
	root    *os.Root // for kernels without openat2(2), and where a sandbox forbids it
	buf     []byte   // what was read
	entries []byte   // what getdents64(2) gave
}

// openTree opens a tree.
func openTree(path string) (*tree, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &tree{fd: fd, path: path, root: root, entries: make([]byte, 32<<10)}, nil
}

func (t *tree) close() error { return errors.Join(unix.Close(t.fd), t.root.Close()) }

const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC | unix.O_NONBLOCK

// dir opens a directory by its path below the root. Links on the way are followed within the tree, absolute ones too, as
// /root is one on systems that are made of images. The caller closes it.
func (t *tree) dir(path string) (fd int, err error) { return t.openDir(path, 0) }

// ownDir is dir, but not for a path whose last element is a link.
func (t *tree) ownDir(path string) (fd int, err error) { return t.openDir(path, unix.O_NOFOLLOW) }

func (t *tree) openDir(path string, flags uint64) (fd int, err error) {
	relative := strings.TrimLeft(path, "/")
	if relative == "" {
		relative = "."
	}
	how := unix.OpenHow{Flags: dirFlags | flags, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for range 8 { // EAGAIN: something was renamed meanwhile
		fd, err = unix.Openat2(t.fd, relative, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return t.openDirByRoot(relative, flags)
	}
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: t.path + relative, Err: err}
	}
	return fd, nil
}

// openDirByRoot is openDir by os.Root, which refuses absolute links instead of following them.
func (t *tree) openDirByRoot(relative string, flags uint64) (fd int, err error) {
	if flags&unix.O_NOFOLLOW != 0 {
		info, err := t.root.Lstat(relative)
		if err != nil {
			return -1, err
		}
		if !info.IsDir() {
			return -1, &fs.PathError{Op: "open", Path: t.path + relative, Err: unix.ENOTDIR}
		}
	}
	file, err := t.root.OpenFile(relative, dirFlags, 0)
	if err != nil {
		return -1, err
	}
	defer func() { _ = file.Close() }()
	return unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
}

// content is what is at a name in a directory.
type content struct {
	// Data is the content of a regular file, as far as the limit allows, or the target of a link; valid until the next
	// call of the tree.
	Data []byte
	Size int64 // of the whole file
	Link bool
}

// errIrregular says that something is neither a regular file nor a link.
var errIrregular = errors.New("not a regular file")

// read reads a file, or a link without following it, in an open directory. Its errors are bare.
func (t *tree) read(dir int, name string, limit int) (c content, err error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	if t.buf == nil {
		t.buf = make([]byte, 8192)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return content{}, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		n, err := unix.Readlinkat(dir, name, t.buf)
		return content{Data: t.buf[:max(n, 0)], Size: int64(n), Link: true}, err
	default:
		return content{}, errIrregular
	}
	fd, err := unix.Openat(dir, name, flags, 0)
	if err != nil {
		return content{}, err
	}
	defer func() { _ = unix.Close(fd) }()
	// It may have been replaced meanwhile.
	if err := unix.Fstat(fd, &st); err != nil {
		return content{}, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return content{}, errIrregular
	}
	data, err := t.fill(fd, limit)
	return content{Data: data, Size: st.Size}, err
}

// fill reads at most limit bytes.
func (t *tree) fill(fd, limit int) ([]byte, error) {
	filled := 0
	for filled < limit {
		if filled == len(t.buf) {
			t.buf = append(t.buf, make([]byte, len(t.buf))...)
		}
		n, err := unix.Read(fd, t.buf[filled:min(len(t.buf), limit)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		filled += n
	}
	return t.buf[:filled], nil
}

// entry is one of a directory. Its name is valid during the visit and ends in a NUL that is not part of it.
type entry struct {
	name []byte
	kind uint8 // unix.DT_REG and so on
}

// each calls visit for the entries of an open directory from where it stands, until one gives an error, except . and
// their like. Visits may use the tree, but not call each.
func (t *tree) each(dir int, visit func(e entry) error) error {
	for {
		more, err := t.some(dir, visit)
		if err != nil || !more {
			return err
		}
	}
}

// some is each for as many entries as the kernel gives at once.
func (t *tree) some(dir int, visit func(e entry) error) (more bool, err error) {
	// struct linux_dirent64: inode and offset of 8 bytes each, then the length of the record, a type, and the name.
	const lengthAt, kindAt, nameAt = 16, 18, 19
	n, err := unix.Getdents(dir, t.entries)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Getdents(dir, t.entries)
	}
	if err != nil || n == 0 {
		return false, err
	}
	for rest := t.entries[:n]; len(rest) > nameAt; {
		length := int(binary.NativeEndian.Uint16(rest[lengthAt:]))
		if length <= nameAt || length > len(rest) {
			return false, fs.ErrInvalid
		}
		e := entry{name: rest[nameAt:length], kind: rest[kindAt]}
		rest = rest[length:]
		end := bytes.IndexByte(e.name, 0)
		if end < 0 {
			return false, fs.ErrInvalid
		}
		e.name = e.name[:end]
		if string(e.name) == "." || string(e.name) == ".." {
			continue
		}
		if e.kind == unix.DT_UNKNOWN { // some file systems do not tell
			var st unix.Stat_t
			if unix.Fstatat(dir, string(e.name), &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
				e.kind = uint8(st.Mode & unix.S_IFMT >> 12)
			}
		}
		if err := visit(e); err != nil {
			return false, err
		}
	}
	return true, nil
}
