// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// Container is the posture of a container.
type Container struct {
	Facts []Fact
	// Runtime says that the process is still the runtime's, which has not made the container yet. Any process can take such
	// a name, so it is to be believed for a moment only.
	Runtime bool
	// PIDNamespace is the inode number of its PID namespace, for ShareProcessNamespaces; 0 if it is not known.
	PIDNamespace uint64
}

// Container reads the posture of the container whose main process is pid, as /proc below the root numbers it. The main
// process stands for the container: what it later started may have fewer rights, but hardly more.
//
// The error joins what could not be read; the facts are those that could. It wraps fs.ErrNotExist, and there are no
// facts, if the process has vanished.
func (r *Reader) Container(pid int) (Container, error) {
	path := r.root + "/proc/" + strconv.Itoa(pid)
	// An open directory belongs to this process for ever, even if its ID is given to another.
	dir, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Container{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(dir) }()
	c := process{reader: r, dir: dir, path: path, Container: Container{Facts: make([]Fact, 0, len(r.props)+len(r.caps)+1)}}
	c.Runtime = c.isRuntime() // before all else: what is read after it has become the container is the container's
	if err := c.readStatus(); err != nil {
		return Container{}, err
	}
	c.readNamespaces()
	c.readRights()
	c.readUser()
	c.readConfinement()
	c.readMounts()
	if c.gone {
		return Container{}, c.vanished()
	}
	return c.Container, errors.Join(c.errs...)
}

// process is the main process of a container while it is read.
type process struct {
	Container
	reader *Reader
	dir    int
	path   string

	status   pidStatus
	hostUser procfs.Number // 1 if it is in the node's user namespace
	gone     bool
	errs     []error
}

// read returns the content of one of the process's files, valid until the next call.
func (c *process) read(name string, limit int) ([]byte, error) {
	whole := name == "status" || name == "attr/current" // kernel fs/proc/base.c, ONE and proc_pid_attr_read
	fd, err := unix.Openat(c.dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err == nil {
		c.reader.scratch, err = readLimited(fd, c.reader.scratch, limit, whole)
		_ = unix.Close(fd)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: c.path + "/" + name, Err: err}
	}
	return c.reader.scratch, nil
}

func (c *process) vanished() error {
	return fmt.Errorf("read %s: process vanished: %w", c.path, fs.ErrNotExist)
}

// fail notes what could not be read. A file that the kernel lacks is no error.
func (c *process) fail(err error) {
	switch {
	case errors.Is(err, unix.ESRCH):
		c.gone = true
	case !isLacking(err):
		c.errs = append(c.errs, err)
	}
}

func (c *process) flag(name string, on bool) {
	c.Facts = append(c.Facts, Fact{Metric: Property, Name: name, Value: flag(on)})
}

func (c *process) readStatus() error {
	data, err := c.read("status", 64<<10)
	if procfs.IsGone(err) {
		return c.vanished()
	}
	if err != nil {
		return err
	}
	if err := c.status.parse(data); err != nil {
		return fmt.Errorf("parse %s/status: %w", c.path, err)
	}
	if c.status.State == 'Z' || c.status.State == 'X' { // its rights and mounts are gone already
		return c.vanished()
	}
	return nil
}

// isRuntime says whether the process executes runc, crun or youki: it is to become the main process of a container, and has
// the rights of the node until then. runc executes a copy of itself, in memory or from a mount that it has detached at once
// (libcontainer/dmz/cloned_binary_linux.go, before 1.2 libcontainer/nsenter/cloned_binary.c): the path of that is / alone.
func (c *process) isRuntime() bool {
	var target [256]byte
	n, err := unix.Readlinkat(c.dir, "exe", target[:])
	if err != nil {
		return false
	}
	return isRuntime(target[:n])
}

func isRuntime(path []byte) bool {
	switch name := path[bytes.LastIndexByte(path, '/')+1:]; string(name) {
	case "runc", "crun", "youki":
		return true
	}
	return string(path) == "/" || bytes.HasPrefix(path, []byte("/memfd:runc_cloned:"))
}

func (c *process) readNamespaces() {
	for kind := range nsKinds {
		inode, err := readNamespace(c.dir, kind)
		if err != nil {
			c.fail(&fs.PathError{Op: "readlink", Path: c.path + "/" + kind.link(), Err: err})
			continue
		}
		if kind == nsPID {
			c.PIDNamespace = inode
		}
		is, known := c.reader.host.is(kind, inode)
		if !known {
			continue
		}
		if kind == nsUser {
			c.hostUser = procfs.Number{Value: uint64(flag(is)), Known: true}
		}
		c.flag([nsKinds]string{
			nsPID: hostPID, nsNet: hostNetwork, nsIPC: hostIPC, nsUTS: hostUTS, nsCgroup: hostCgroup, nsUser: hostUser,
			nsMount: hostMount,
		}[kind], is)
	}
}

func (c *process) readRights() {
	s := &c.status
	if s.NoNewPrivs.Known {
		c.flag(newPrivileges, s.NoNewPrivs.Value == 0)
	}
	if s.Seccomp.Known {
		c.flag(seccompOff, s.Seccomp.Value == 0)
	}
	last := c.reader.lastCap
	for _, one := range c.reader.caps {
		if last.Known && one.bit > last.Value {
			continue // the kernel does not know it
		}
		c.Facts = append(c.Facts, Fact{Capability, one.name, int64(s.CapEff.Value >> one.bit & 1)})
	}
	c.Facts = append(c.Facts, Fact{Metric: Capabilities, Value: int64(bits.OnesCount64(s.CapEff.Value))})
}

// readUser tells root of the node from root of the container's own user namespace.
func (c *process) readUser() {
	euid := c.status.EUID.Value
	c.flag(root, euid == 0)
	data, err := c.read("uid_map", 64<<10)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) { // no CONFIG_USER_NS
		c.flag(containerRoot, euid == 0)
		return
	}
	if err != nil {
		c.fail(err)
		return
	}
	uid, mapped, err := ownUID(data, euid)
	if err != nil {
		c.fail(fmt.Errorf("parse %s/uid_map: %w", c.path, err))
		return
	}
	c.flag(containerRoot, mapped && uid == 0)
}

func (c *process) readConfinement() {
	data, err := c.read("attr/current", 64<<10)
	if errors.Is(err, unix.EINVAL) { // no security module has anything to say
		return
	}
	if err != nil {
		c.fail(err)
		return
	}
	if is, known := unconfined(data); known {
		c.flag(lsmUnconfined, is)
	}
}

// privileged is a heuristic for a container that was started as privileged, which the kernel does not know as such.
// All of these must hold:
//
//   - it is in the node's user namespace, if that can be told: capabilities in another do not reach the node;
//   - no capability is missing from its bounding set that the kernel has and process 1 of the node may have. Not the
//     effective set, which is empty in a privileged container that does not run as root, yet a setuid file away;
//   - no seccomp filter;
//   - sysfs at /sys is mounted to be written, which runtimes grant together with all devices, and only to privileged
//     containers. The file system as a whole may be read-only all the same: a pod's sandbox mounts it so, before.
//     The devices themselves are granted by a BPF program that cannot be read back.
func (c *process) privileged(sys *mount) {
	s, last := &c.status, c.reader.lastCap
	if !s.CapBnd.Known || !last.Known {
		return
	}
	all := uint64(1)<<(last.Value+1) - 1
	if c.reader.fullCaps.Known {
		all &= c.reader.fullCaps.Value
	}
	c.flag(privileged, s.CapBnd.Value&all == all && s.Seccomp.Value == 0 &&
		(!c.hostUser.Known || c.hostUser.Value != 0) &&
		sys != nil && string(sys.FSType) == "sysfs" && !sys.MountReadOnly)
}

// ShareProcessNamespaces adds the fact shared_process_namespace to the containers whose PID namespace is known: 1 for
// those that share one which is not the node's. It wants all containers of the node at once. The sandbox of a pod counts
// as one if it is among them: it is what the only container of a pod shares its namespace with.
func (r *Reader) ShareProcessNamespaces(containers []Container) {
	count := make(map[uint64]int, len(containers))
	for i := range containers {
		count[containers[i].PIDNamespace]++
	}
	for i := range containers {
		c := &containers[i]
		if c.PIDNamespace == 0 {
			continue
		}
		if host, known := r.host.is(nsPID, c.PIDNamespace); known {
			c.Facts = append(c.Facts, Fact{Property, sharedProcessNamespace, flag(!host && count[c.PIDNamespace] > 1)})
		}
	}
}
