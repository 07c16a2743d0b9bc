// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

func diskDevices(names ...string) (devices []procfs.DiskDevice) {
	for _, name := range names {
		devices = append(devices, procfs.DiskDevice{Name: []byte(name)})
	}
	return devices
}

func TestWholeDisks(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{
		"sda/device", "sda/sda1", "dm-0/slaves", "loop0/queue", "zram0/queue", "md127/slaves", "nvme0n1/device",
		"nvme0c0n1/device", "cciss!c0d0/device",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, path), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nvme0n1/hidden"), []byte("0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nvme0c0n1/hidden"), []byte("1\n"), 0o600))
	w := wholeDisks{dir: dir}
	require.NoError(t, w.refresh(diskDevices(
		"sda", "sda1", "dm-0", "loop0", "zram0", "md127", "nvme0n1", "nvme0c0n1", "cciss/c0d0")))
	for name, want := range map[string]bool{
		"sda": true, "nvme0n1": true, "cciss/c0d0": true,
		"sda1": false, "dm-0": false, "loop0": false, "zram0": false, "md127": false, "nvme0c0n1": false,
	} {
		assert.Equal(t, want, w.has([]byte(name)), name)
	}

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sdb/device"), 0o755))
	require.NoError(t, w.refresh(diskDevices("sda", "sdb")))
	assert.True(t, w.has([]byte("sdb")), "plugged in later")
	assert.False(t, w.has([]byte("nvme0n1")), "and gone")
}

func TestWholeDisksNeedSysfs(t *testing.T) {
	w := wholeDisks{dir: filepath.Join(t.TempDir(), "sys/block")}
	require.ErrorIs(t, w.refresh(diskDevices("sda")), os.ErrNotExist)
	require.NoError(t, w.refresh(nil))
}
