// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PIDs is an open /proc: its processes and their files. It allocates nothing once it is warm. That takes system calls with
// pointers to its own path, where package unix would copy every path twice. Its errors are bare unix.Errno, because most
// are of processes that vanished or that the reader may not look into, and nobody reads them. It is not safe for
// concurrent use.
type PIDs struct {
	fd      int
	path    []byte // of the file being opened, with a final NUL
	buf     []byte // what was read
	entries []byte // what getdents64(2) gave
	// countsFDs says that the size of /proc/[pid]/fd is the number of descriptors (Linux 6.2, fs/proc/fd.c).
	countsFDs bool
}

// OpenPIDs opens a /proc. Its error is an *fs.PathError.
func OpenPIDs(dir string) (*PIDs, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	var st unix.Statfs_t
	err = unix.Fstatfs(fd, &st)
	return &PIDs{
		fd: fd, buf: make([]byte, 4096), entries: make([]byte, 32<<10),
		countsFDs: err == nil && st.Type == unix.PROC_SUPER_MAGIC,
	}, nil
}

// Close closes the directory.
func (p *PIDs) Close() error { return unix.Close(p.fd) }

// List appends the IDs of all processes to pids, in the kernel's order.
func (p *PIDs) List(pids []int) ([]int, error) {
	if _, err := unix.Seek(p.fd, 0, unix.SEEK_SET); err != nil {
		return pids, err
	}
	err := p.eachEntry(p.fd, func(name []byte) {
		if pid, ok := ParseUint(name); ok && pid <= 1<<31-1 {
			pids = append(pids, int(pid))
		}
	})
	return pids, err
}

// Open opens a file of a process for Reread. The caller closes it.
func (p *PIDs) Open(pid int, file string) (fd int, err error) {
	return p.openat(pid, file, unix.O_RDONLY)
}

// ReadFile returns the content of a file of a process, valid until the next call.
func (p *PIDs) ReadFile(pid int, file string) ([]byte, error) {
	fd, err := p.Open(pid, file)
	if err != nil {
		return nil, err
	}
	data, err := p.Reread(fd)
	_ = unix.Close(fd)
	return data, err
}

// Reread returns the content that an open file has now, valid until the next call. The kernel makes the text of these
// files in one piece when it is read from offset 0 (fs/seq_file.c, seq_read_iter), so that one call gives all that fits,
// from one moment. The error is ESRCH once the process is gone, even if its ID was given to another.
func (p *PIDs) Reread(fd int) ([]byte, error) {
	for {
		n, err := unix.Pread(fd, p.buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, err
		case n < len(p.buf):
			return p.buf[:n], nil
		default:
			p.buf = make([]byte, 2*len(p.buf))
		}
	}
}

// ReadHead returns at most limit bytes from the start of a file of a process, valid until the next call. It is for files
// that may be long.
func (p *PIDs) ReadHead(pid int, file string, limit int) ([]byte, error) {
	fd, err := p.Open(pid, file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	if limit > len(p.buf) {
		p.buf = make([]byte, limit)
	}
	n, err := retry(func() (int, error) { return unix.Pread(fd, p.buf[:limit], 0) })
	if err != nil {
		return nil, err
	}
	return p.buf[:n], nil
}

// ReadLink returns the target of a link of a process, valid until the next call. Targets over 4095 bytes are cut.
func (p *PIDs) ReadLink(pid int, link string) ([]byte, error) {
	p.setPath(pid, link)
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.path[0])),
		uintptr(unsafe.Pointer(&p.buf[0])), uintptr(len(p.buf)), 0, 0)
	if errno != 0 {
		return nil, errno
	}
	return p.buf[:n], nil
}

// CountFDs returns how many descriptors a process has open.
func (p *PIDs) CountFDs(pid int) (uint64, error) {
	if p.countsFDs {
		if size, err := p.fdSize(pid); err != nil || size > 0 {
			return size, err
		}
	}
	// Before Linux 6.2 the size is zero, as it is if there are none.
	fd, err := p.openat(pid, "fd", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	count := uint64(0)
	err = p.eachEntry(fd, func(name []byte) {
		if name[0] != '.' {
			count++
		}
	})
	return count, err
}

func (p *PIDs) fdSize(pid int) (uint64, error) {
	p.setPath(pid, "fd")
	var st unix.Statx_t
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(p.fd), uintptr(unsafe.Pointer(&p.path[0])), 0, unix.STATX_SIZE,
		uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 {
		return 0, errno
	}
	return st.Size, nil
}

func (p *PIDs) openat(pid int, file string, flags int) (int, error) {
	p.setPath(pid, file)
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.path[0])),
			uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

func (p *PIDs) setPath(pid int, file string) {
	p.path = append(strconv.AppendInt(p.path[:0], int64(pid), 10), '/')
	p.path = append(append(p.path, file...), 0)
}

// eachEntry calls visit with the name of each entry of an open directory.
func (p *PIDs) eachEntry(fd int, visit func(name []byte)) error {
	// struct linux_dirent64: inode and offset of 8 bytes each, then the length of the record, a type, and the name.
	const lengthAt, nameAt = 16, 19
	for {
		n, err := retry(func() (int, error) { return unix.Getdents(fd, p.entries) })
		if err != nil || n == 0 {
			return err
		}
		for rest := p.entries[:n]; len(rest) > nameAt; {
			length := int(binary.NativeEndian.Uint16(rest[lengthAt:]))
			if length <= nameAt || length > len(rest) {
				return fs.ErrInvalid
			}
			name := rest[nameAt:length]
			end := 0
			for end < len(name) && name[end] != 0 {
				end++
			}
			visit(name[:end])
			rest = rest[length:]
		}
	}
}

// IsGone says that an error means that the process has vanished.
func IsGone(err error) bool { return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) }
