// SPDX-License-Identifier: Apache-2.0

package crowd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHierarchiesOfAHost(t *testing.T) {
	const unified = "36 32 0:30 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
	const root = "24 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
	tests := map[string]struct {
		mountinfo string
		want      []string
	}{
		"cgroup v1 has a mount for each controller, cpuset is left out": {
			mountinfo: root +
				"28 26 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" +
				"29 26 0:28 / /sys/fs/cgroup/cpuset rw,relatime shared:5 master:1 - cgroup cgroup rw,cpuset\n" +
				"30 26 0:29 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n" + unified,
			want: []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"},
		},
		"cgroup v2 has one": {mountinfo: root + unified, want: []string{"/sys/fs/cgroup/unified"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "mountinfo")
			require.NoError(t, os.WriteFile(file, []byte(test.mountinfo), 0o600))
			got, err := hierarchies(file)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestAHostWithoutCgroupsIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mountinfo")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := hierarchies(file)
	require.ErrorIs(t, err, errNoCgroups)
}

func TestOnlyEmptyCgroupsOfOursAreRemoved(t *testing.T) {
	root := t.TempDir()
	other := filepath.Join(root, "system.slice")
	require.NoError(t, os.Mkdir(other, 0o755))
	c := &cgroups{roots: []string{root}}
	require.NoError(t, os.MkdirAll(filepath.Join(root, cgroupFolder, "kubepods", "pod1", "container"), 0o755))
	require.NoError(t, c.remove())
	require.NoDirExists(t, filepath.Join(root, cgroupFolder))
	require.DirExists(t, other)
	require.NoError(t, c.remove(), "nothing is left to remove")
}
