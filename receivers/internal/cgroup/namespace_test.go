// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindNamespace(t *testing.T) {
	main := t.TempDir()
	own := filepath.Join(main, "kubepods/pod1/agent")
	require.NoError(t, os.MkdirAll(own, 0o750))
	for dir, want := range map[string]string{own: "/kubepods/pod1/agent", main: "", filepath.Join(main, "none"): ""} {
		path, err := findNamespace(main, dir)
		require.NoError(t, err)
		assert.Equal(t, want, path)
	}
}

// TestPathOfInANamespace runs itself in a cgroup namespace with the host's file system mounted, as an agent in a pod is.
func TestPathOfInANamespace(t *testing.T) {
	const inside = "NODESEC_TEST_CGROUP_NAMESPACE"
	if path := os.Getenv(inside); path != "" {
		h, err := Detect(os.Getenv("ROOT"))
		require.NoError(t, err)
		for file, want := range map[string]string{"/proc/self/cgroup": path + "/agent", "/proc/1/cgroup": ""} {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			got, ok := h.PathOf(data)
			require.True(t, ok, "%s", data)
			assert.DirExists(t, h.Main.Dir+string(got))
			if want != "" {
				assert.Equal(t, want, string(got))
				assert.Contains(t, string(data), ":/\n", "the kernel tells it relative to the namespace")
			}
		}
		return
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("needs unshare(1): ", err)
	}
	h, mounts := hostMounts(t)
	path := fmt.Sprintf("/nodesec-test-%d-namespace", os.Getpid())
	makeCgroup(t, mounts, path)
	makeCgroup(t, mounts, path+"/agent")
	kind, options := "cgroup2", ""
	if !h.Main.V2 {
		kind, options = "cgroup", "-o "+h.mainName
	}
	// In the new namespace a new mount shows what is below it; the host's stays as it is at ROOT.
	script := fmt.Sprintf(`for mount in "$@"; do echo $$ > $mount%[1]s/agent/cgroup.procs; done
exec unshare -Cm sh -ec '
mkdir $ROOT/sys && mount --rbind /sys $ROOT/sys
umount -l %[4]s && mount -t %[2]s %[3]s none %[4]s
%[5]s=%[1]s exec %[6]s -test.run "^TestPathOfInANamespace$" -test.v'`, path, kind, options, h.Main.Dir, inside, os.Args[0])
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-ec", script, "sh"}, mounts...)...)
	cmd.Env = append(os.Environ(), "ROOT="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "--- PASS: TestPathOfInANamespace")
}

// TestPathOfWithoutANamespace runs itself with its own cgroup mounted at the usual place and the host's elsewhere, as an agent
// in a pod is under version 1.
func TestPathOfWithoutANamespace(t *testing.T) {
	const inside = "NODESEC_TEST_CGROUP_MOUNT"
	if path := os.Getenv(inside); path != "" {
		h, err := Detect(os.Getenv("ROOT"))
		require.NoError(t, err)
		data, err := os.ReadFile("/proc/self/cgroup")
		require.NoError(t, err)
		got, ok := h.PathOf(data)
		require.True(t, ok, "%s", data)
		assert.Equal(t, path, string(got))
		return
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("needs unshare(1): ", err)
	}
	h, mounts := hostMounts(t)
	path := fmt.Sprintf("/nodesec-test-%d-mount", os.Getpid())
	makeCgroup(t, mounts, path)
	script := fmt.Sprintf(`for mount in "$@"; do echo $$ > $mount%[1]s/cgroup.procs; done
exec unshare -m sh -ec '
mkdir $ROOT/sys && mount --rbind /sys $ROOT/sys
mount --bind %[2]s%[1]s %[2]s
%[3]s=%[1]s exec %[4]s -test.run "^TestPathOfWithoutANamespace$" -test.v'`, path, h.Main.Dir, inside, os.Args[0])
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-ec", script, "sh"}, mounts...)...)
	cmd.Env = append(os.Environ(), "ROOT="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "--- PASS: TestPathOfWithoutANamespace")
}
