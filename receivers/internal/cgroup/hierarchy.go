// SPDX-License-Identifier: Apache-2.0

// Package cgroup reads control groups, version 1 and 2: where the controllers are mounted, which cgroups there are, which
// container a cgroup holds, and the numbers in its files. Parsers are pure functions over bytes and allocate nothing.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotMounted says that there are no cgroups below the root.
var ErrNotMounted = errors.New("no cgroup hierarchy is mounted")

// Mount is where one controller's directories are.
type Mount struct {
	// Dir is the mount point, the root path included; empty if the controller is not mounted.
	Dir string
	// V2 says which of the two sets of files the directories have.
	V2 bool
}

// Present says that the controller is mounted.
func (m Mount) Present() bool { return m.Dir != "" }

// Hierarchy says where the controllers of a system are. There are three kinds (systemd's docs/CGROUP_DELEGATION.md,
// "Three Different Tree Setups"):
//
//   - unified: cgroup v2 at /sys/fs/cgroup has all controllers;
//   - legacy: every v1 controller, or several together as in cpu,cpuacct, at /sys/fs/cgroup/NAME;
//   - hybrid: legacy, and v2 at /sys/fs/cgroup/unified, usually without controllers. What controllers v2 does have
//     (kernel parameter cgroup_no_v1) come from there.
//
// A container has the same path in all of them.
type Hierarchy struct {
	CPU, CPUAcct, Memory, IO, PIDs Mount
	// Unified is the v2 hierarchy, if there is one: it has pressure stall information without any controller.
	Unified Mount
	// Main is the mount whose directories are the cgroups. Under v1 it is the memory controller's, else the first that is
	// mounted of pids, cpuacct, cpu, blkio and systemd's own: systemd puts its services into memory and pids by default,
	// into the others only on request.
	Main Mount

	// mainName is Main's name in /proc/PID/cgroup; empty for v2.
	mainName string
	// namespace is the path in Main of this process' cgroup namespace; empty if that is all of Main.
	namespace string
	// sys is where sysfs is mounted, the root path included.
	sys string
}

// Controller is the name of the v1 controller whose hierarchy Main is, as /proc/PID/cgroup has it; empty for v2.
func (h *Hierarchy) Controller() string { return h.mainName }

// Detect finds the hierarchy of the system whose root file system is at root, which is empty or / for the running one,
// and the place of this process in it.
func Detect(root string) (*Hierarchy, error) {
	base := filepath.Join("/", root, "sys/fs/cgroup")
	h, err := detect(base)
	if err != nil {
		return nil, err
	}
	h.sys = filepath.Join("/", root, "sys")
	own := filepath.Join("/sys/fs/cgroup", strings.TrimPrefix(h.Main.Dir, base))
	if h.namespace, err = findNamespace(h.Main.Dir, own); err != nil {
		return nil, err
	}
	return h, nil
}

// detect finds the mounts by the names of the directories in base, as systemd, runc and cgroupfs-mount make them:
// mountinfo would name mount points as seen from another mount namespace when base is a host's inside a container.
func detect(base string) (*Hierarchy, error) {
	h := &Hierarchy{}
	if h.useUnified(base) {
		h.Main = h.Unified
		return h, nil
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotMounted, err)
	}
	legacy := map[string]Mount{}
	for _, entry := range entries {
		if !entry.IsDir() { // a co-mount's links, such as cpu -> cpu,cpuacct, name the same directory again
			continue
		}
		for name := range strings.SplitSeq(entry.Name(), ",") {
			legacy[name] = Mount{Dir: filepath.Join(base, entry.Name())}
		}
	}
	h.useUnified(filepath.Join(base, "unified"))
	for name, mount := range map[string]*Mount{
		"cpu": &h.CPU, "cpuacct": &h.CPUAcct, "memory": &h.Memory, "blkio": &h.IO, "pids": &h.PIDs,
	} {
		if m, ok := legacy[name]; ok {
			*mount = m
		}
	}
	for _, name := range []string{"memory", "pids", "cpuacct", "cpu", "blkio", "systemd"} {
		if m, ok := legacy[name]; ok {
			h.Main, h.mainName = m, name
			break
		}
	}
	if h.mainName == "systemd" {
		h.mainName = "name=systemd"
	}
	if !h.Main.Present() {
		h.Main = h.Unified
	}
	if !h.Main.Present() {
		return nil, fmt.Errorf("%w in %s", ErrNotMounted, base)
	}
	return h, nil
}

// useUnified takes the controllers of the v2 hierarchy at dir and says whether there is one. CPU time needs no
// controller: cpu.stat is in every directory, the bandwidth fields alone need it.
func (h *Hierarchy) useUnified(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return false
	}
	mount := Mount{Dir: dir, V2: true}
	h.Unified, h.CPUAcct = mount, mount
	controllers := strings.Fields(string(data))
	for name, m := range map[string]*Mount{"cpu": &h.CPU, "memory": &h.Memory, "io": &h.IO, "pids": &h.PIDs} {
		if slices.Contains(controllers, name) {
			*m = mount
		}
	}
	return true
}
