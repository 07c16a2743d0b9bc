// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrNoSpace is wrapped by errors about a disk that is too full.
var ErrNoSpace = errors.New("not enough disk space")

// freeBytes is what an unprivileged process can still write to the file system of path.
func freeBytes(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", path, err)
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// checkFree returns an error unless the file system of path has need bytes left.
func checkFree(path string, need uint64) error {
	free, err := freeBytes(path)
	if err != nil {
		return err
	}
	if free < need {
		return fmt.Errorf("%w in %s: %s needed, %s free", ErrNoSpace, path, megabytes(need), megabytes(free))
	}
	return nil
}

// noSpace turns ENOSPC and EDQUOT into an ErrNoSpace that names the folder; other errors it returns as they are.
func noSpace(err error, path string) error {
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		return err
	}
	return errors.Join(fmt.Errorf("%w in %s", ErrNoSpace, path), err)
}

// megabytes writes a number of bytes for people.
func megabytes(n uint64) string { return fmt.Sprintf("%d MB", n/1_000_000) }
