// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errLocked says that another process has the lock.
var errLocked = errors.New("locked")

// The locks are those of open file descriptions (fcntl(2), F_OFD_SETLK): a child that inherits the descriptor
// keeps the lock after the parent has closed its own, the kernel frees it with the last one, and, unlike flock's,
// they can be asked for without being taken.

// wholeFile is a lock on the whole file.
func wholeFile() *unix.Flock_t { return &unix.Flock_t{Type: unix.F_WRLCK} }

// tryLock takes the lock on f, or returns errLocked.
func tryLock(f *os.File) error {
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, wholeFile())
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return errLocked
	}
	return err
}

// isLocked reports whether another open file has the lock on f, without taking it.
func isLocked(f *os.File) (bool, error) {
	l := wholeFile()
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, l); err != nil {
		return false, fmt.Errorf("ask for the lock on %s: %w", f.Name(), err)
	}
	return l.Type != unix.F_UNLCK, nil
}

// waitLock takes the lock on f, asking anew every so often until ctx ends; it calls waiting before the first wait.
func waitLock(ctx context.Context, f *os.File, waiting func()) error {
	for first := true; ; first = false {
		err := tryLock(f)
		if !errors.Is(err, errLocked) {
			return err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lock on %s: %w", f.Name(), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
