// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// sums is the file of a cache folder with the hashes of all others in it.
const sums = ".sha256"

// errNotCached says that a folder of the cache is missing or not as it was made.
var errNotCached = errors.New("not in the cache")

// cacheFolder is where what is made from the inputs belongs. The folder's name tells their hash, so that other inputs have
// another folder.
func cacheFolder(name string, inputs ...[]byte) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, input := range inputs {
		_, _ = fmt.Fprintf(hash, "%d ", len(input))
		_, _ = hash.Write(input)
	}
	return filepath.Join(cache, "nodesec", "kubernetes", fmt.Sprintf("%s-%x", name, hash.Sum(nil)[:8])), nil
}

// checkCached compares the folder with the hashes of when it was made.
func checkCached(folder string) error {
	want, err := os.ReadFile(filepath.Join(folder, sums))
	if err != nil {
		return fmt.Errorf("%w: %w", errNotCached, err)
	}
	got, err := hashFolder(folder)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%w: %s is not as it was made", errNotCached, folder)
	}
	return nil
}

// fillCache calls fill for the folder unless it is there and whole. It gets its name when it is complete. Of several
// processes one fills it, and the others wait.
func fillCache(ctx context.Context, folder string, fill func(dir string) error) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(folder+".lock", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := waitLock(ctx, lock); err != nil {
		return err
	}
	if err := checkCached(folder); !errors.Is(err, errNotCached) {
		return err
	}
	made := folder + ".tmp"
	if err := errors.Join(os.RemoveAll(folder), os.RemoveAll(made), os.Mkdir(made, 0o755)); err != nil {
		return err
	}
	if err := fill(made); err != nil {
		return err
	}
	hashes, err := hashFolder(made)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, sums), hashes, 0o644); err != nil {
		return err
	}
	return os.Rename(made, folder)
}

func waitLock(ctx context.Context, f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lock on %s: %w", f.Name(), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// hashFolder lists the files below the folder with the hashes of their content, and the links with where they point to, as
// sha256sum does.
func hashFolder(folder string) ([]byte, error) {
	var list bytes.Buffer
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == sums {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		hash := sha256.New()
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			fmt.Fprint(hash, target)
			if err != nil {
				return err
			}
		} else if err := hashFile(hash, path); err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", hash.Sum(nil), name)
		return nil
	})
	return list.Bytes(), err
}

func hashFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}
