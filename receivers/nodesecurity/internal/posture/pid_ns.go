// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// nsKind is a kind of namespace, see namespaces(7).
type nsKind uint8

const (
	nsPID nsKind = iota
	nsNet
	nsIPC
	nsUTS
	nsCgroup
	nsUser
	nsMount
	nsKinds
)

func (k nsKind) link() string {
	return [nsKinds]string{"ns/pid", "ns/net", "ns/ipc", "ns/uts", "ns/cgroup", "ns/user", "ns/mnt"}[k]
}

// initial returns the inode number of the kernel's first namespace of the kind. It is fixed (kernel
// include/uapi/linux/nsfs.h, enum init_ns_ino), since Linux 3.8 for most; net and mnt got theirs in 6.18, which older
// kernels never give to any namespace, so that sinceLong is false.
func (k nsKind) initial() (inode uint64, sinceLong bool) {
	inodes := [nsKinds]uint64{
		nsPID: 0xEFFFFFFC, nsNet: 0xEFFFFFF9, nsIPC: 0xEFFFFFFF, nsUTS: 0xEFFFFFFE, nsCgroup: 0xEFFFFFFB,
		nsUser: 0xEFFFFFFD, nsMount: 0xEFFFFFF8,
	}
	return inodes[k], k != nsNet && k != nsMount
}

// parseNamespace parses the target of a link of /proc/[pid]/ns, such as pid:[4026531836] (kernel fs/nsfs.c,
// ns_get_name).
func parseNamespace(target []byte) (inode uint64, ok bool) {
	_, rest, ok1 := bytes.Cut(target, []byte(":["))
	if !ok1 || !bytes.HasSuffix(rest, []byte("]")) {
		return 0, false
	}
	return procfs.ParseUint(rest[:len(rest)-1])
}

// readNamespace returns the inode number of a namespace of the process whose directory is open at dir.
func readNamespace(dir int, kind nsKind) (uint64, error) {
	var target [64]byte
	n, err := unix.Readlinkat(dir, kind.link(), target[:])
	if err != nil {
		return 0, err
	}
	inode, ok := parseNamespace(target[:n])
	if !ok {
		return 0, procfs.ErrFormat
	}
	return inode, nil
}

// hostNamespaces are those of process 1 of the node; zero for those that the reader may not see, which takes the rights
// of ptrace(2).
type hostNamespaces [nsKinds]uint64

func (h *hostNamespaces) read(process string) {
	dir, err := unix.Open(process, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(dir) }()
	for kind := range nsKinds {
		h[kind], _ = readNamespace(dir, kind)
	}
}

// is reports whether a namespace is the node's. If process 1 hides its own, it is taken to be in the kernel's first.
func (h *hostNamespaces) is(kind nsKind, inode uint64) (is, known bool) {
	if h[kind] != 0 {
		return inode == h[kind], true
	}
	initial, sinceLong := kind.initial()
	return inode == initial, sinceLong || inode == initial
}

// isOwn reports whether this process is known to be in the node's namespace, and so sees the node's own values of what
// the kernel keeps per namespace.
func (h *hostNamespaces) isOwn(kind nsKind) bool {
	dir, err := unix.Open("/proc/"+strconv.Itoa(unix.Getpid()), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(dir) }()
	inode, err := readNamespace(dir, kind)
	if err != nil {
		return false
	}
	is, known := h.is(kind, inode)
	return is && known
}
