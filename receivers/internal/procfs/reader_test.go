// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func write(t *testing.T, content string) string {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestReadFile(t *testing.T) {
	var r Reader
	for _, size := range []int{0, 1, 4095, 4096, 4097, 100_000} {
		content := strings.Repeat("x", size)
		got, err := r.ReadFile(write(t, content))
		require.NoError(t, err)
		assert.Equal(t, content, string(got))
	}
	_, err := r.ReadFile(write(t, strings.Repeat("x", maxFile)))
	require.ErrorIs(t, err, unix.EFBIG)
	_, err = r.ReadFile("/proc/no/such/file")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "/proc/no/such/file")
}

func TestReadLinesGivesWholeLinesWhateverTheirLength(t *testing.T) {
	long := strings.Repeat("l", 10_000)
	content := strings.Repeat("short\n", 3000) + long + "\n" + "\n" + "the end"
	var r Reader
	var got []byte
	pieces := 0
	require.NoError(t, r.ReadLines(write(t, content), func(lines []byte) error {
		assert.True(t, len(lines) > 0 && (lines[len(lines)-1] == '\n' || strings.HasSuffix(content, string(lines))))
		got = append(got, lines...)
		pieces++
		return nil
	}))
	assert.Equal(t, content, string(got))
	assert.Greater(t, pieces, 2, "not all at once")
}

func TestReadLinesEndsAtTheFirstError(t *testing.T) {
	var r Reader
	stop := errors.New("stop")
	calls := 0
	err := r.ReadLines(write(t, strings.Repeat("line\n", 10_000)), func([]byte) error { calls++; return stop })
	require.ErrorIs(t, err, stop)
	assert.Equal(t, 1, calls)
	require.ErrorIs(t, r.ReadLines("/proc/no/such/file", nil), fs.ErrNotExist)
	require.NoError(t, r.ReadLines(write(t, ""), func([]byte) error { return stop }), "an empty file has no lines")
}
