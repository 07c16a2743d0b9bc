// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// kernfsHandle is the type of a file handle of kernfs (include/linux/exportfs.h, FILEID_KERNFS); it holds the ID.
const kernfsHandle = 0xfe

// isCgroup says whether there is a cgroup with this ID in the hierarchy that is mounted at dir. Where the kernel does not
// tell, it says yes.
func isCgroup(dir string, id uint64) bool {
	mount, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer func() { _ = unix.Close(mount) }()
	var bytes [8]byte
	binary.NativeEndian.PutUint64(bytes[:], id)
	fd, err := unix.OpenByHandleAt(mount, unix.NewFileHandle(kernfsHandle, bytes[:]), unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return !errors.Is(err, unix.ESTALE)
	}
	_ = unix.Close(fd)
	return true
}
