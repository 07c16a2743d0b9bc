// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// minFreeData is the least free space, in bytes, that a server is started with: room for the first parts and
// their merges. A full disk is better said before the first insert fails than after.
const minFreeData = 256 << 20

// folder is a data folder that this process has locked:
//
//	lock          locked while a server runs
//	server.json   Info of the server, see state.go
//	config/       generated at each start
//	log/          clickhouse.log (rotated), output.log (what the process printed since its start)
//	clickhouse/   ClickHouse's own path
type folder struct {
	path string
	lock *os.File
}

// openFolder makes and locks the folder.
func openFolder(path string) (*folder, error) {
	for _, dir := range []string{"", "config", "log", "clickhouse"} {
		if err := os.MkdirAll(filepath.Join(path, dir), 0o700); err != nil {
			return nil, folderError(path, err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, folderError(path, err)
	}
	f := &folder{path: path, lock: lock}
	if err := tryLock(lock); err != nil {
		defer f.close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("data folder %s: %w", path, inUse(f.lastInfo()))
		}
		return nil, fmt.Errorf("lock data folder %s: %w", path, err)
	}
	if err := checkFree(path, minFreeData); err != nil {
		f.close()
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := f.forgetProcess(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// close gives the lock back, unless a child holds it too.
func (f *folder) close() { _ = f.lock.Close() }

// file returns the path of a file in the folder.
func (f *folder) file(elem ...string) string {
	return filepath.Join(append([]string{f.path}, elem...)...)
}

// ErrInUse is wrapped by the error of Start for a folder that another server has.
var ErrInUse = errors.New("in use by another server")

// inUse says who has the folder.
func inUse(i Info) error {
	if i.PID == 0 {
		return fmt.Errorf("%w, which is just starting", ErrInUse)
	}
	return fmt.Errorf("%w, process %d, which listens on %s and %s", ErrInUse, i.PID, i.NativeAddr(), i.HTTPAddr())
}

// folderError explains the usual reasons why a folder can't be had.
func folderError(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return fmt.Errorf("data folder %s is not writable: %w", path, err)
	}
	return fmt.Errorf("make data folder %s: %w", path, noSpace(err, path))
}
