// SPDX-License-Identifier: Apache-2.0

// Package procfs turns the text of /proc and /sys into numbers. One Go file stands for one kernel file. Parsers are
// pure functions over bytes and allocate nothing; only Reader touches the file system.
package procfs

import (
	"bytes"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Reader reads whole kernel files into one buffer that it keeps. It goes around package os, because files of /proc
// neither need the runtime's poller nor are worth an *os.File each. It is not safe for concurrent use.
type Reader struct{ buf []byte }

// maxFile bounds what ReadFile takes. No file of a machine comes near to it; but who may make a network namespace fills
// its /proc/[pid]/net/dev with interfaces at will.
const maxFile = 16 << 20

// ReadFile returns the content of the file, valid until the next call. Its errors are *fs.PathError; of a file that is
// too long it is EFBIG.
func (r *Reader) ReadFile(path string) ([]byte, error) {
	fd, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	data, err := r.readAll(fd)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

func (r *Reader) readAll(fd int) ([]byte, error) {
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	filled := 0
	for {
		n, err := retry(func() (int, error) { return unix.Read(fd, r.buf[filled:]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return r.buf[:filled], nil
		}
		filled += n
		if filled == len(r.buf) {
			if filled >= maxFile {
				return nil, unix.EFBIG
			}
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
	}
}

// ReadLines hands the file to each in pieces of whole lines, valid during the call. It is for files that may be long,
// so that they need not fit into memory. It ends at the first error, which is each's own or an *fs.PathError.
func (r *Reader) ReadLines(path string, each func(lines []byte) error) error {
	fd, err := open(path)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	filled := 0
	for {
		n, err := retry(func() (int, error) { return unix.Read(fd, r.buf[filled:]) })
		if err != nil {
			return &fs.PathError{Op: "read", Path: path, Err: err}
		}
		filled += n
		end := bytes.LastIndexByte(r.buf[:filled], '\n') + 1
		if n == 0 {
			end = filled
		}
		if end > 0 {
			if err := each(r.buf[:end]); err != nil {
				return err
			}
			filled = copy(r.buf, r.buf[end:filled])
		}
		if n == 0 {
			return nil
		}
		if filled == len(r.buf) {
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
	}
}

func open(path string) (fd int, err error) {
	fd, err = retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
