// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The trees of kernel files in testdata.
const (
	new6 = "linux-6.18"
	old3 = "linux-3"
)

// file is a pointer to a T that parses.
type file[T any] interface {
	*T
	Parse(data []byte) error
}

// fixture returns a kernel file, below /proc.
func fixture(t testing.TB, kernel, path string) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", kernel, "proc", path))
	require.NoError(t, err)
	return data
}

// parse returns what the parser makes of data. It parses twice, so that nothing of the first time may be left, and sees
// to it that the second time allocates nothing.
func parse[T any, F file[T]](t *testing.T, data []byte) T {
	t.Helper()
	var got T
	require.NoError(t, F(&got).Parse(data))
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = F(&got).Parse(data) }), "allocations")
	return got
}

// parseFixture parses a kernel file.
func parseFixture[T any, F file[T]](t *testing.T, kernel, path string) T {
	t.Helper()
	return parse[T, F](t, fixture(t, kernel, path))
}

// requireMalformed demands that the parser refuses data.
func requireMalformed[T any, F file[T]](t *testing.T, data string) {
	t.Helper()
	var got T
	require.ErrorIs(t, F(&got).Parse([]byte(data)), ErrFormat, "%q", data)
}

// fuzz looks for data that make the parser panic, or that it takes differently the second time.
func fuzz[T any, F file[T]](f *testing.F, paths ...string) {
	for _, kernel := range []string{new6, old3} {
		for _, path := range paths {
			if data, err := os.ReadFile(filepath.Join("testdata", kernel, "proc", path)); err == nil {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var once, twice T
		err := F(&once).Parse(data)
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		require.NoError(t, F(&twice).Parse(data))
		require.NoError(t, F(&twice).Parse(data))
		assert.EqualValues(t, once, twice)
	})
}

func is(value uint64) Number { return Number{Value: value, Known: true} }
