// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPathOf(t *testing.T) {
	v2 := &Hierarchy{Main: Mount{Dir: "/sys/fs/cgroup", V2: true}}
	memory := &Hierarchy{Main: Mount{Dir: "/sys/fs/cgroup/memory"}, mainName: "memory"}
	cpuacct := &Hierarchy{Main: Mount{Dir: "/sys/fs/cgroup/cpu,cpuacct"}, mainName: "cpuacct"}
	pod := &Hierarchy{Main: Mount{V2: true}, namespace: "/kubepods.slice/pod1.slice/agent"}
	systemd := &Hierarchy{Main: Mount{Dir: "/sys/fs/cgroup/systemd"}, mainName: "name=systemd"}
	legacy := "12:pids:/docker/p\n5:cpu,cpuacct:/docker/c\n4:memory:/docker/m\n1:name=systemd:/docker/s\n0::/docker/u\n"
	for _, tt := range []struct {
		name      string
		hierarchy *Hierarchy
		data      string
		want      string
		ok        bool
	}{
		{"unified", v2, "0::/system.slice/sshd.service\n", "/system.slice/sshd.service", true},
		{"unified beside legacy lines", v2, legacy, "/docker/u", true},
		{"legacy memory", memory, legacy, "/docker/m", true},
		{"legacy co-mounted", cpuacct, legacy, "/docker/c", true},
		{"legacy without controllers", systemd, legacy, "/docker/s", true},
		{"a path with colons", v2, "0::/a.slice:cri-containerd:b\n", "/a.slice:cri-containerd:b", true},
		{"a removed cgroup", v2, "0::/gone (deleted)\n", "/gone", true},
		{"no newline at the end", v2, "0::/", "/", true},
		{"in a cgroup namespace, itself", pod, "0::/\n", "/kubepods.slice/pod1.slice/agent", true},
		{"in a cgroup namespace, below", pod, "0::/init.scope\n", "/kubepods.slice/pod1.slice/agent/init.scope", true},
		{"in a cgroup namespace, beside", pod, "0::/../other\n", "/kubepods.slice/pod1.slice/other", true},
		{"in a cgroup namespace, far away", pod, "0::/../../../system.slice/sshd.service\n", "/system.slice/sshd.service", true},
		{"in a cgroup namespace, the root", pod, "0::/../../..\n", "/", true},
		{"in a cgroup namespace, a name that begins with dots", pod, "0::/..a\n", "/kubepods.slice/pod1.slice/agent/..a", true},
		{"above what is mounted", v2, "0::/../x\n", "", false},
		{"a process outside the hierarchy", memory, "0::/x\n", "", false},
		{"a controller whose name begins alike", memory, "3:memory2:/x\n", "", false},
		{"empty", v2, "", "", false},
		{"not of this format", v2, "hello\n0\n0:\n", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, ok := tt.hierarchy.PathOf([]byte(tt.data))
			assert.Equal(t, tt.ok, ok)
			assert.Equal(t, tt.want, string(path))
		})
	}
}

func TestPathOfDoesNotAllocate(t *testing.T) {
	h := &Hierarchy{mainName: "memory"}
	data := []byte("5:cpu,cpuacct:/a\n4:memory:/docker/b\n")
	assert.Zero(t, testing.AllocsPerRun(100, func() { h.PathOf(data) }))
}

func FuzzPathOf(f *testing.F) {
	f.Add([]byte("4:memory:/a\n0::/b\n"))
	f.Add([]byte("::\n:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, h := range []*Hierarchy{{Main: Mount{V2: true}}, {mainName: "memory"}} {
			path, ok := h.PathOf(data)
			assert.NotContains(t, string(path), "\n")
			assert.True(t, ok || path == nil)
		}
	})
}
