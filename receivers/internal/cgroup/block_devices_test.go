// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIsDisk(t *testing.T) {
	sys := t.TempDir()
	for _, dir := range []string{"devices/sda/device", "devices/dm-0", "dev/block"} {
		require.NoError(t, os.MkdirAll(filepath.Join(sys, dir), 0o750))
	}
	require.NoError(t, os.Symlink("../../devices/sda", filepath.Join(sys, "dev/block/8:0")))
	require.NoError(t, os.Symlink("../../devices/dm-0", filepath.Join(sys, "dev/block/253:0")))
	devices := newBlockDevices(sys)
	for number, want := range map[string]bool{"8:0": true, "253:0": false, "259:1": true} {
		for range 2 {
			assert.Equal(t, want, devices.isDisk([]byte(number)), number)
		}
	}
}
