// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bytes"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// PathOf returns the cgroup path of a process in the main hierarchy out of the content of its /proc/PID/cgroup, such as
// /system.slice/sshd.service. It is part of data where that is possible, and not ok if the hierarchy has no line there.
//
// Each line is hierarchy-ID:controller-list:cgroup-path (cgroups(7); kernel/cgroup/cgroup.c proc_cgroup_show). Version 2
// has the line with ID 0 and no controllers. The path may hold colons.
func (h *Hierarchy) PathOf(data []byte) (path []byte, ok bool) {
	for len(data) > 0 {
		var line []byte
		line, data = procfs.NextLine(data)
		id, rest, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		controllers, path, found := bytes.Cut(rest, []byte(":"))
		if found && h.isMain(id, controllers) {
			// The kernel adds this to a removed cgroup, in which a zombie may still be.
			return h.absolute(bytes.TrimSuffix(path, []byte(" (deleted)")))
		}
	}
	return nil, false
}

// isMain says whether a line of /proc/PID/cgroup stands for the main hierarchy.
func (h *Hierarchy) isMain(id, controllers []byte) bool {
	if h.Main.V2 {
		return string(id) == "0" && len(controllers) == 0
	}
	for len(controllers) > 0 {
		var name []byte
		name, controllers, _ = bytes.Cut(controllers, []byte(","))
		if string(name) == h.mainName {
			return true
		}
	}
	return false
}
