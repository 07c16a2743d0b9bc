// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddressIsOneToConnectToFromThisHost(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1":  "127.0.0.1:9000",
		"0.0.0.0":    "127.0.0.1:9000",
		"::":         "[::1]:9000",
		"::1":        "[::1]:9000",
		"192.0.2.10": "192.0.2.10:9000",
	} {
		assert.Equal(t, want, Info{Listen: listen, TCPPort: 9000}.NativeAddr(), listen)
	}
}

func TestStateFileThatIsMissingOrBrokenIsAsGoodAsNone(t *testing.T) {
	dir := t.TempDir()
	assert.Zero(t, readInfo(dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, stateFile), []byte(`{"pid": 1,`), 0o600))
	assert.Zero(t, readInfo(dir))
}

func TestLockBelongsToTheOpenFileAndCanBeSeenWithoutTakingIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		require.NoError(t, err)
		return f
	}
	first, second := open(), open()
	defer func() { _ = second.Close() }()
	locked, err := isLocked(second)
	require.NoError(t, err)
	assert.False(t, locked)

	require.NoError(t, tryLock(first))
	locked, err = isLocked(second)
	require.NoError(t, err)
	assert.True(t, locked)
	require.ErrorIs(t, tryLock(second), errLocked)

	require.NoError(t, first.Close())
	require.NoError(t, tryLock(second))
}
