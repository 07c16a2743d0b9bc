// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The npm package of libchdb. npm/package-lock.json pins its content by hash; version and sizes must match it.
// Upstream names an arm64 package of the same version, but the lock file can pin only what its writer could get.
const (
	libraryPackage  = "@chdb/lib-linux-x64-gnu"
	libraryVersion  = "26.7.3-stable.1"
	libraryDownload = 178_000_000 // bytes, packed
	libraryUnpacked = 569_100_000 // bytes
	libraryFile     = "libchdb.so"
	librarySize     = 566_330_096 // bytes of that file
)

//go:embed npm/package.json npm/package-lock.json
var npmFiles embed.FS

// fetchLibrary returns the path of libchdb.so in the user's cache folder, where it puts it first if it isn't
// there. Any number of processes may do so at once: one fetches, the others wait. The library gets its name only
// when it is complete, so an interrupted download is as if it had not begun.
func fetchLibrary(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: folder for libchdb: %w; %s", ErrNoEngine, err, waysOut)
	}
	cache = filepath.Join(cache, "nodesec")
	folder := filepath.Join(cache, "libchdb-"+libraryVersion)
	library := filepath.Join(folder, libraryFile)
	if _, err := os.Stat(library); err == nil {
		return library, nil
	}
	if runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("%w: there is no pinned libchdb for linux/%s; %s", ErrNoEngine, runtime.GOARCH, waysOut)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("%w: folder for libchdb: %w; %s", ErrNoEngine, noSpace(err, cache), waysOut)
	}
	lock, err := os.OpenFile(folder+".lock", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return "", fmt.Errorf("%w: folder for libchdb: %w", ErrNoEngine, noSpace(err, cache))
	}
	defer func() { _ = lock.Close() }()
	waiting := func() { say(progress, "waiting for another process that downloads libchdb to %s", cache) }
	if err := waitLock(ctx, lock, waiting); err != nil {
		return "", err
	}
	if _, err := os.Stat(library); err == nil {
		return library, nil // the process that we waited for put it there
	}
	return library, install(ctx, folder, progress)
}

// install downloads the package with npm into a folder beside the target, then renames it.
func install(ctx context.Context, folder string, progress io.Writer) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("%w: npm, which would fetch libchdb, is missing; install npm, or %s", ErrNoEngine, waysOut)
	}
	cache := filepath.Dir(folder)
	// npm keeps the packed copy too, in its own cache, which most often is on the same disk.
	if err := checkFree(cache, libraryUnpacked+libraryDownload); err != nil {
		return fmt.Errorf("%w: libchdb: %w", ErrNoEngine, err)
	}
	tmp := folder + ".tmp" // of an interrupted download, if it exists: we have the lock
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err := writeNPMFiles(tmp); err != nil {
		return noSpace(err, cache)
	}
	say(progress, "downloading ClickHouse (%s %s, %s, unpacked %s) to %s",
		libraryPackage, libraryVersion, megabytes(libraryDownload), megabytes(libraryUnpacked), folder)
	if err := runNPM(ctx, npm, tmp, progress); err != nil {
		return fmt.Errorf("%w: fetch libchdb: %w", ErrNoEngine, err)
	}
	return os.Rename(packageFolder(tmp), folder)
}

// packageFolder is where npm puts the package when it runs in dir.
func packageFolder(dir string) string {
	return filepath.Join(dir, "node_modules", filepath.FromSlash(libraryPackage))
}

// writeNPMFiles puts what `npm ci` reads into dir.
func writeNPMFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := npmFiles.ReadFile("npm/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// runNPM installs what the lock file in dir says, running no script of the package, and shows progress meanwhile:
// npm itself is mute without a terminal.
func runNPM(ctx context.Context, npm, dir string, progress io.Writer) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &output, &output
	stop := showProgress(progress, dir, libraryUnpacked)
	err := cmd.Run()
	stop()
	if err == nil {
		return checkWhole(dir)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := strings.TrimSpace(output.String())
	if strings.Contains(text, "ENOSPC") {
		err = errors.Join(fmt.Errorf("%w in %s or npm's cache", ErrNoSpace, filepath.Dir(dir)), err)
	}
	return fmt.Errorf("npm ci: %w: %s; %s", err, text, waysOut)
}

// checkWhole checks the library that npm has unpacked in dir: npm compares the hash of the download, but calls it a
// success when the disk fills up while it unpacks (npm 11.19).
func checkWhole(dir string) error {
	info, err := os.Stat(filepath.Join(packageFolder(dir), libraryFile))
	if err != nil {
		return fmt.Errorf("npm ci: %w; %s", err, waysOut)
	}
	if info.Size() == librarySize {
		return nil
	}
	err = fmt.Errorf("npm ci: %s has %d of %d bytes", libraryFile, info.Size(), librarySize)
	return errors.Join(err, checkFree(filepath.Dir(dir), uint64(max(0, librarySize-info.Size()))))
}
