// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHostNameOfThisHost(t *testing.T) {
	want, err := os.Hostname()
	require.NoError(t, err)
	name, err := Name("/")
	require.NoError(t, err)
	assert.Equal(t, want, name)
}

func TestHostNameBelowAMountedRoot(t *testing.T) {
	root := t.TempDir()
	write := func(file, text string) {
		path := filepath.Join(root, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	name, err := Name(root)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Empty(t, name)

	write("proc/sys/kernel/hostname", "container\n")
	name, err = Name(root)
	require.NoError(t, err)
	assert.Equal(t, "container", name)

	write("etc/hostname", " node-1 \n")
	name, err = Name(root)
	require.NoError(t, err)
	assert.Equal(t, "node-1", name)

	write("etc/hostname", "\n")
	name, err = Name(root)
	require.NoError(t, err)
	assert.Equal(t, "container", name, "an empty file names nothing")
}
