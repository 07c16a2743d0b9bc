// SPDX-License-Identifier: Apache-2.0

// Package posture reads how well containers and the node are protected: not what happens, but what could. It sees
// configuration as the kernel enforces it (/proc, /sys) and files of the node that decide who may do what.
//
// A fact that could not be read is absent, never 0. Flags are 0 or 1.
package posture

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// Fact is one number about posture.
type Fact struct {
	Metric Metric
	// Name is the value of the metric's attribute, empty if it has none.
	Name  string
	Value int64
}

// Reader reads the posture of the containers and of the node below one root. It remembers what it needs to tell what
// changed between two readings of the node. It is not safe for concurrent use.
type Reader struct {
	root   string // without a slash at its end: empty for /
	tree   *tree
	kernel procfs.Reader

	host       hostNamespaces
	hostMounts *hostMounts
	lastCap    procfs.Number // number of the kernel's last capability
	fullCaps   hexNumber     // what process 1 of the node could have
	props      []property
	caps       []capability

	mounts  mountinfo
	scratch []byte // content of the file being read
	path    []byte // of the node, being built

	sysctls    []sysctl
	taints     []taint
	secureBoot *int64 // as it was at boot
	changes    map[string]uint64
	ports      portTable
	setuid     setuidSweep
}

// New returns a reader of the node whose root is mounted at root, with its /proc and /sys below it. Close frees it.
func New(root string) (*Reader, error) {
	root = strings.TrimRight(root, "/")
	tree, err := openTree(root + "/")
	if err != nil {
		return nil, err
	}
	r := &Reader{
		root: root, tree: tree,
		hostMounts: newHostMounts(root + "/proc/1/mountinfo"),
		props:      properties(), caps: capabilities(), sysctls: sysctls(), taints: taints(),
		changes: make(map[string]uint64),
		setuid:  newSetuidSweep(setuidDirs()),
	}
	r.host.read(root + "/proc/1")
	if n, err := r.number("/proc/sys/kernel/cap_last_cap"); err == nil && n >= 0 && n < 64 {
		r.lastCap = procfs.Number{Value: uint64(n), Known: true}
	}
	if data, err := r.kernel.ReadFile(root + "/proc/1/status"); err == nil {
		var s pidStatus
		if s.parse(data) == nil {
			r.fullCaps = s.CapBnd
		}
	}
	return r, nil
}

// Close frees the reader's descriptors.
func (r *Reader) Close() error {
	r.hostMounts.close()
	return r.tree.close()
}

// number returns the number that a kernel file holds.
func (r *Reader) number(path string) (int64, error) {
	data, err := r.kernel.ReadFile(r.root + path)
	if err != nil {
		return 0, err
	}
	line, _ := procfs.NextLine(data)
	value, ok := parseInt(line)
	if !ok {
		return 0, fmt.Errorf("parse %s%s: %w", r.root, path, procfs.ErrFormat)
	}
	return value, nil
}

// parseInt parses the first field of a line as a number that may be negative.
func parseInt(line []byte) (value int64, ok bool) {
	field, _ := procfs.NextField(line)
	negative := len(field) > 0 && field[0] == '-'
	if negative {
		field = field[1:]
	}
	n, ok := procfs.ParseUint(field)
	if !ok || n > 1<<63-1 {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// isLacking reports whether the error means that the kernel was built or booted without what the file tells.
func isLacking(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}

func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
