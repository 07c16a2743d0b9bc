// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDetect(t *testing.T) {
	at := func(tree, dir string) string {
		path, err := filepath.Abs(filepath.Join("testdata", tree, "sys/fs/cgroup", dir))
		require.NoError(t, err)
		return path
	}
	unified := Mount{Dir: at("v2-containerd", ""), V2: true}
	docker := func(dir string) Mount { return Mount{Dir: at("v1-docker", dir)} }
	podman := func(dir string) Mount { return Mount{Dir: at("hybrid-podman", dir)} }
	for tree, want := range map[string]Hierarchy{
		"v2-containerd": {CPU: unified, CPUAcct: unified, Memory: unified, IO: unified, PIDs: unified, Unified: unified, Main: unified},
		"v1-docker": {CPU: docker("cpu,cpuacct"), CPUAcct: docker("cpu,cpuacct"), Memory: docker("memory"), IO: docker("blkio"),
			PIDs: docker("pids"), Main: docker("memory"), mainName: "memory"},
		"hybrid-podman": {CPU: podman("cpu,cpuacct"), CPUAcct: podman("cpu,cpuacct"), Memory: podman("memory"), IO: podman("blkio"),
			PIDs: podman("pids"), Unified: Mount{Dir: at("hybrid-podman", "unified"), V2: true}, Main: podman("memory"), mainName: "memory"},
	} {
		t.Run(tree, func(t *testing.T) {
			root, err := filepath.Abs(filepath.Join("testdata", tree))
			require.NoError(t, err)
			h, err := Detect(root)
			require.NoError(t, err)
			want.sys = filepath.Join(root, "sys")
			assert.Equal(t, want, *h)
		})
	}
}

func TestDetectChoosesTheMainHierarchy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		mkdir []string
		main  string
		line  string
	}{
		{"memory first", []string{"systemd", "pids", "memory"}, "memory", "3:memory:/a"},
		{"memory switched off", []string{"systemd", "cpu,cpuacct", "pids"}, "pids", "3:pids:/a"},
		{"only a co-mount", []string{"cpu,cpuacct"}, "cpu,cpuacct", "3:cpu,cpuacct:/a"},
		{"systemd alone", []string{"systemd"}, "systemd", "1:name=systemd:/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for _, dir := range tt.mkdir {
				require.NoError(t, os.MkdirAll(filepath.Join(root, "sys/fs/cgroup", dir), 0o755))
			}
			h, err := Detect(root)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(root, "sys/fs/cgroup", tt.main), h.Main.Dir)
			path, ok := h.PathOf([]byte(tt.line))
			assert.True(t, ok)
			assert.Equal(t, "/a", string(path))
		})
	}
}

func TestDetectTakesControllersThatVersion1GaveUp(t *testing.T) {
	root := t.TempDir()
	unified := filepath.Join(root, "sys/fs/cgroup/unified")
	require.NoError(t, os.MkdirAll(unified, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sys/fs/cgroup/pids"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(unified, "cgroup.controllers"), []byte("io memory\n"), 0o600))
	h, err := Detect(root)
	require.NoError(t, err)
	assert.Equal(t, Mount{Dir: unified, V2: true}, h.Memory)
	assert.Equal(t, Mount{Dir: unified, V2: true}, h.IO)
	assert.False(t, h.PIDs.V2)
	assert.False(t, h.CPU.Present())
}

func TestDetectWithoutCgroups(t *testing.T) {
	_, err := Detect(t.TempDir())
	require.ErrorIs(t, err, ErrNotMounted)
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sys/fs/cgroup"), 0o755))
	_, err = Detect(root)
	require.ErrorIs(t, err, ErrNotMounted)
}
