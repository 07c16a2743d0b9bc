// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func TestOptionsThatCanNotWorkAreRefused(t *testing.T) {
	path := t.TempDir()
	tests := map[string]struct {
		options embedded.Options
		want    string
	}{
		"no folder":                             {embedded.Options{}, "path: must name the data folder"},
		"a folder that ClickHouse would expand": {embedded.Options{Path: path + "/${HOME}"}, "${"},
		"a host name":                           {embedded.Options{Path: path, Listen: "localhost"}, `listen: must be an IP address, got "localhost"`},
		"every address, no password":            {embedded.Options{Path: path, Listen: "0.0.0.0"}, "a password is required"},
		"every IPv6 address":                    {embedded.Options{Path: path, Listen: "::"}, "a password is required"},
		"a port out of range":                   {embedded.Options{Path: path, TCPPort: 65536}, "tcp port: must be between 1 and 65535"},
		"a negative port":                       {embedded.Options{Path: path, HTTPPort: -1}, "http port: must be between 1 and 65535"},
		"one port twice":                        {embedded.Options{Path: path, TCPPort: 9000, HTTPPort: 9000}, "must differ"},
		"a user that breaks the XML":            {embedded.Options{Path: path, User: "a><b", Password: "x"}, "user: must consist of"},
		"default with a password":               {embedded.Options{Path: path, User: "default", Password: "x"}, "user: default is for"},
		"another user without password":         {embedded.Options{Path: path, User: "ann"}, "user: default is for"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := start(t, test.options)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestPortInUseIsNamedWithTheFlagToChooseAnother(t *testing.T) {
	requireServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port

	_, err = start(t, embedded.Options{Path: t.TempDir(), TCPPort: port})
	require.ErrorIs(t, err, embedded.ErrPortInUse)
	assert.ErrorContains(t, err, strconv.Itoa(port))
	assert.ErrorContains(t, err, "--tcp-port")

	_, err = start(t, embedded.Options{Path: t.TempDir(), HTTPPort: port})
	require.ErrorIs(t, err, embedded.ErrPortInUse)
	assert.ErrorContains(t, err, strconv.Itoa(port))
	assert.ErrorContains(t, err, "--http-port")
}

func TestRememberedPortThatIsTakenIsReplaced(t *testing.T) {
	s := embeddedtest.Start(t, embedded.Options{})
	before := s.Info()
	s.Stop(t)
	l, err := net.Listen("tcp", before.HTTPAddr())
	require.NoError(t, err)
	defer func() { _ = l.Close() }()

	again := embeddedtest.Start(t, embedded.Options{Path: s.Path()})
	assert.NotEqual(t, before.HTTPPort, again.Info().HTTPPort)
	assert.Equal(t, before.TCPPort, again.Info().TCPPort)
	assert.Equal(t, "1", one(t, again.Info(), "SELECT 1"))
}

func TestFolderThatCanNotBeMadeIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := start(t, embedded.Options{Path: filepath.Join(file, "data")})
	require.ErrorContains(t, err, file)

	// Nobody may make folders in sysfs, not even root.
	_, err = start(t, embedded.Options{Path: "/sys/nodesec"})
	require.ErrorContains(t, err, "data folder /sys/nodesec is not writable")
}

func TestFullDiskIsToldBeforeTheStart(t *testing.T) {
	dir := smallDisk(t, "64m")
	_, err := start(t, embedded.Options{Path: filepath.Join(dir, "data")})
	require.ErrorIs(t, err, embedded.ErrNoSpace)
	assert.ErrorContains(t, err, dir)
	assert.ErrorContains(t, err, "268 MB needed")
}

// smallDisk mounts a file system of the given size, which takes root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("nodesec-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("needs to mount a small file system: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	return dir
}

func TestEngineThatCanNotBeHadIsTold(t *testing.T) {
	tests := map[string]struct {
		options embedded.Options
		env     map[string]string
		want    []string
	}{
		"a binary that does not exist": {
			options: embedded.Options{Binary: "/nonexistent/clickhouse"},
			want:    []string{"binary", "/nonexistent/clickhouse"},
		},
		"a library that does not exist": {
			env:  map[string]string{"NODESEC_LIBCHDB": "/nonexistent/libchdb.so"},
			want: []string{"NODESEC_LIBCHDB", "/nonexistent/libchdb.so: no such file"},
		},
		"a library that is a folder": {
			env:  map[string]string{"NODESEC_LIBCHDB": "/usr"},
			want: []string{"NODESEC_LIBCHDB", "/usr is not a file"},
		},
		"no npm": {
			env:  map[string]string{"XDG_CACHE_HOME": t.TempDir()},
			want: []string{"npm", "is missing", "NODESEC_LIBCHDB", "clickhouse binary"},
		},
		"no folder for the library": {
			env:  map[string]string{"XDG_CACHE_HOME": "", "HOME": ""},
			want: []string{"folder for libchdb", "NODESEC_LIBCHDB"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", "/nonexistent")
			t.Setenv("NODESEC_LIBCHDB", "")
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			test.options.Path = t.TempDir()
			_, err := start(t, test.options)
			require.ErrorIs(t, err, embedded.ErrNoEngine)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestProcessThatEndsAtItsStartIsQuoted(t *testing.T) {
	t.Run("because the library is another", func(t *testing.T) {
		library := anotherLibrary(t)
		t.Setenv("PATH", "/nonexistent")
		t.Setenv("NODESEC_LIBCHDB", library)
		_, err := start(t, embedded.Options{Path: t.TempDir()})
		require.ErrorContains(t, err, "ended while it started")
		assert.ErrorContains(t, err, library+" is not libchdb")
		assert.ErrorContains(t, err, "chdb_query_cmdline")
	})
	t.Run("because it is no library", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "libchdb.so")
		require.NoError(t, os.WriteFile(file, []byte("text"), 0o600))
		t.Setenv("PATH", "/nonexistent")
		t.Setenv("NODESEC_LIBCHDB", file)
		_, err := start(t, embedded.Options{Path: t.TempDir()})
		require.ErrorContains(t, err, "load libchdb: "+file)
	})
	t.Run("because the data is broken", func(t *testing.T) {
		s := embeddedtest.Start(t, embedded.Options{})
		one(t, s.Info(), "CREATE DATABASE broken")
		s.Stop(t)
		metadata := filepath.Join(s.Path(), "clickhouse", "metadata", "broken.sql")
		require.NoError(t, os.WriteFile(metadata, []byte("nonsense"), 0o600))
		_, err := start(t, embedded.Options{Path: s.Path()})
		require.ErrorContains(t, err, "ended while it started")
		assert.ErrorContains(t, err, "metadata/broken.sql")
	})
}

// anotherLibrary returns some shared library that is not libchdb.
func anotherLibrary(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/lib/*/libm.so.6", "/lib64/libm.so.6", "/usr/lib/*/libm.so.6"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Skip("needs the C library's libm.so.6")
	return ""
}
