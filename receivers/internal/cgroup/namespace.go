// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// findNamespace returns the path in the mount main of the cgroup that is the root of this process' cgroup namespace, which
// is what the process sees at own. It is empty if both are the same, or nothing is mounted at own.
//
// In a container with a cgroup namespace, which is the default under version 2, /proc/PID/cgroup shows paths relative to
// it even in the proc file system of the host (cgroup_namespaces(7)). They have to be put together again. Without one, which
// is the default under version 1, a runtime mounts the container's own cgroup at own all the same.
func findNamespace(main, own string) (string, error) {
	if within, err := isWithinNamespace(main); err != nil || within {
		return "", err
	}
	var mainStat, ownStat unix.Stat_t
	if err := unix.Stat(main, &mainStat); err != nil {
		return "", &fs.PathError{Op: "stat", Path: main, Err: err}
	}
	isMounted := unix.Stat(own, &ownStat) == nil && ownStat.Dev == mainStat.Dev
	if !isMounted || ownStat.Ino == mainStat.Ino {
		return "", nil
	}
	found := ""
	err := filepath.WalkDir(main, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !entry.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		if inode, err := inodeOf(path); err == nil && inode == ownStat.Ino {
			found = strings.TrimPrefix(path, main)
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("find this process' cgroup namespace: %w", err)
	}
	return found, nil
}

// isWithinNamespace says whether the cgroup namespace of this process has all of the mount in it: the kernel shows the root
// of a mount relative to the namespace, above which are /.. only (kernel/cgroup/cgroup.c cgroup_show_path).
func isWithinNamespace(main string) (bool, error) {
	var reader procfs.Reader
	data, err := reader.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	var mounts procfs.Mountinfo
	if err := mounts.Parse(data); err != nil {
		return false, err
	}
	for _, mount := range slices.Backward(mounts.Mounts) {
		if procfs.Unescape(mount.Point) == main {
			return !bytes.HasPrefix(mount.Root, []byte("/..")), nil
		}
	}
	return false, nil
}

// absolute returns a path of /proc/PID/cgroup as it is in the main hierarchy: what is above the cgroup namespace begins
// with as many /.. as are to be gone up (fs/kernfs/dir.c kernfs_path_from_node_locked).
func (h *Hierarchy) absolute(path []byte) (absolute []byte, ok bool) {
	up := []byte("/..")
	base := h.namespace
	for bytes.HasPrefix(path, up) && (len(path) == len(up) || path[len(up)] == '/') {
		last := strings.LastIndexByte(base, '/')
		if last < 0 {
			return nil, false // outside of what is mounted
		}
		base, path = base[:last], path[len(up):]
	}
	switch {
	case base == "" && len(path) > 0:
		return path, true
	case base == "":
		return []byte("/"), true
	case string(path) == "/":
		return []byte(base), true
	}
	return append([]byte(base), path...), true
}
