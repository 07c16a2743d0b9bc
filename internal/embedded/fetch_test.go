// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestNPMFilesPinTheLibraryByItsHash(t *testing.T) {
	text, err := npmFiles.ReadFile("npm/package-lock.json")
	require.NoError(t, err)
	var lock struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	require.NoError(t, json.Unmarshal(text, &lock))
	library := lock.Packages["node_modules/"+libraryPackage]
	assert.Equal(t, libraryVersion, library.Version)
	assert.True(t, strings.HasPrefix(library.Integrity, "sha512-"))
	assert.Len(t, lock.Packages, 2, "the package itself and libchdb")
}

// npm returns the npm client, and lets this test have a cache folder of its own.
func npm(t *testing.T, cache string) string {
	t.Helper()
	path, err := exec.LookPath("npm")
	if err != nil || runtime.GOARCH != "amd64" {
		t.Skip("needs npm on amd64")
	}
	t.Setenv("XDG_CACHE_HOME", cache)
	return path
}

func TestFullDiskIsToldBeforeTheDownload(t *testing.T) {
	dir := mountSmallDisk(t, "64m")
	npm(t, dir)
	_, err := fetchLibrary(t.Context(), io.Discard)
	require.ErrorIs(t, err, ErrNoSpace)
	require.ErrorIs(t, err, ErrNoEngine)
	assert.ErrorContains(t, err, dir)
	assert.ErrorContains(t, err, "747 MB needed")
}

func TestDiskThatFillsUpDuringTheDownloadIsTold(t *testing.T) {
	home, err := os.UserCacheDir()
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(home, "nodesec", "libchdb-"+libraryVersion)); err != nil {
		t.Skip("needs an earlier download, of which npm has a copy")
	}
	dir := filepath.Join(mountSmallDisk(t, "64m"), "download")
	path := npm(t, home)
	require.NoError(t, writeNPMFiles(dir))
	err = runNPM(t.Context(), path, dir, io.Discard)
	require.ErrorIs(t, err, ErrNoSpace)
	assert.ErrorContains(t, err, filepath.Dir(dir))
}

// mountSmallDisk mounts a file system of the given size, which takes root.
func mountSmallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("nodesec-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("needs to mount a small file system: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func TestInterruptedDownloadLeavesNothingThatLooksComplete(t *testing.T) {
	cache := t.TempDir()
	npm(t, cache)
	if err := checkFree(cache, libraryUnpacked+libraryDownload); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var progress bytes.Buffer
	_, err := fetchLibrary(ctx, &progress)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Contains(t, progress.String(), "downloading ClickHouse ("+libraryPackage+" "+libraryVersion+", 178 MB")
	assert.Contains(t, progress.String(), cache)
	left, err := filepath.Glob(filepath.Join(cache, "nodesec", "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(cache, "nodesec", "libchdb-"+libraryVersion+".lock")}, left)
}

func TestSecondDownloadWaitsForTheFirst(t *testing.T) {
	cache := t.TempDir()
	npm(t, cache)
	folder := filepath.Join(cache, "nodesec", "libchdb-"+libraryVersion)
	require.NoError(t, os.MkdirAll(filepath.Dir(folder), 0o755))
	first, err := os.Create(folder + ".lock")
	require.NoError(t, err)
	require.NoError(t, tryLock(first))

	waiting := make(lineChannel, 1)
	got := make(chan string, 1)
	go func() {
		path, _ := fetchLibrary(t.Context(), waiting)
		got <- path
	}()
	assert.Contains(t, <-waiting, "waiting for another process")
	library := filepath.Join(folder, libraryFile)
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.WriteFile(library, nil, 0o644))
	require.NoError(t, first.Close())
	assert.Equal(t, library, <-got)
}

// lineChannel is a writer that hands over what is written.
type lineChannel chan string

func (c lineChannel) Write(p []byte) (int, error) {
	c <- string(p)
	return len(p), nil
}
