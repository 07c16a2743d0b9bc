// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"
)

// hostMounts is the mount table of process 1 of the node, which tells where the node has what a container mounts. It is
// kept as long as the kernel says that nothing was mounted there: an open mountinfo is ready for POLLPRI after a change
// (kernel fs/proc_namespace.c, mounts_poll).
type hostMounts struct {
	path  string
	fd    int // -1 if it is not open
	text  []byte
	table mountinfo // by device, then in the order of mounting
}

func newHostMounts(path string) *hostMounts { return &hostMounts{path: path, fd: -1} }

func (h *hostMounts) close() {
	if h.fd >= 0 {
		_ = unix.Close(h.fd)
		h.fd = -1
	}
}

// maxMountinfo bounds the mount table of a namespace. A hundred containers make one of some 200 KB on the node.
const maxMountinfo = 4 << 20

// refresh reads the table again if it changed.
func (h *hostMounts) refresh() (err error) {
	if h.fd >= 0 && !h.changed() {
		return nil
	}
	if h.fd < 0 {
		if h.fd, err = unix.Open(h.path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return &fs.PathError{Op: "open", Path: h.path, Err: err}
		}
	}
	defer func() {
		if err != nil {
			h.close()
			h.table.Mounts = h.table.Mounts[:0]
		}
	}()
	if _, err = unix.Seek(h.fd, 0, unix.SEEK_SET); err == nil {
		h.text, err = readLimited(h.fd, h.text, maxMountinfo, false)
	}
	if err != nil {
		return &fs.PathError{Op: "read", Path: h.path, Err: err}
	}
	if err = h.table.parse(h.text); err != nil {
		return &fs.PathError{Op: "parse", Path: h.path, Err: err}
	}
	slices.SortStableFunc(h.table.Mounts, func(a, b mount) int {
		switch {
		case a.Device < b.Device:
			return -1
		case a.Device > b.Device:
			return 1
		}
		return 0
	})
	return nil
}

func (h *hostMounts) changed() bool {
	poll := []unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLPRI}}
	n, err := unix.Poll(poll, 0)
	return err != nil || n > 0 && poll[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0
}

// of returns the node's mounts of a file system.
func (h *hostMounts) of(device uint64) []mount {
	find := func(device uint64) int {
		i, _ := slices.BinarySearchFunc(h.table.Mounts, device, func(m mount, device uint64) int {
			if m.Device < device {
				return -1
			}
			return 1
		})
		return i
	}
	return h.table.Mounts[find(device):find(device+1)]
}

// classify tells what a mount of a container shows of the node: nothing (ownFiles) if the node has not mounted that file
// system itself.
//
// The node often has a file system mounted more than once. Places below directories of the runtime are copies that were
// made for some container, so they count only if there is no other place; of the others the most sensitive counts.
// scratch is for building paths; hit is called with each path that counts.
func (h *hostMounts) classify(m *mount, scratch *[]byte, hit func(path []byte)) (kind pathKind) {
	copied := false
	for _, at := range h.of(m.Device) {
		if !isBelow(m.Root, at.Root) {
			continue
		}
		if classifyPath(at.Point) == runtimePath {
			copied = true
			continue
		}
		path := (*scratch)[:0]
		path = append(path, at.Point...)
		if rest := bytes.TrimPrefix(m.Root[len(at.Root):], []byte("/")); len(rest) > 0 {
			path = append(append(bytes.TrimRight(path, "/"), '/'), rest...)
		}
		*scratch = path
		kind = max(kind, classifyPath(path))
		hit(path)
	}
	if kind == ownFiles && copied {
		return runtimePath
	}
	return kind
}

// isBelow is below with a directory that is in bytes.
func isBelow(path, dir []byte) bool {
	return bytes.HasPrefix(path, dir) && (len(path) == len(dir) || path[len(dir)] == '/' || string(dir) == "/")
}

// readLimited reads an open file from where it stands into buf. It is EFBIG if there is more than limit. A whole file is
// one that the kernel writes in one piece, so that it ends where a read stops short; others stop at each page.
func readLimited(fd int, buf []byte, limit int, whole bool) ([]byte, error) {
	if cap(buf) == 0 {
		buf = make([]byte, 0, 8192)
	}
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, cap(buf))
		}
		n, err := unix.Read(fd, buf[len(buf):cap(buf)])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return buf[:0], err
		case n == 0:
			return buf, nil
		default:
			if buf = buf[:len(buf)+n]; len(buf) > limit {
				return buf[:0], unix.EFBIG
			}
			if whole && len(buf) < cap(buf) {
				return buf, nil
			}
		}
	}
}
