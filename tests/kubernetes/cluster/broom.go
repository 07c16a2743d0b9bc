// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	cgroupRoot = "/sys/fs/cgroup"
	lockName   = "lock" // locked while the node lives
	sweepLimit = 30 * time.Second
)

// startBroom starts the process that cleans up when this one has ended, and returns how to let it do so before that.
func (n *node) startBroom() (swept func() error, err error) {
	cmd, err := n.command(stageBroom)
	if err != nil {
		return nil, err
	}
	// In a session of its own it gets no signal that is meant for us.
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error { return errors.Join(pipe.Close(), cmd.Wait()) }, nil
}

// sweep waits for the end of the parent and of the node, and removes the node's cgroups and folder.
func (n *node) sweep() error {
	drain(os.Stdin)
	lock, err := lockFile(n.path(lockName))
	if err != nil {
		return err
	}
	_ = lock.Close()
	// The kernel ends the processes of a PID namespace after their PID 1 has let go of the lock.
	for end := time.Now().Add(sweepLimit); ; time.Sleep(100 * time.Millisecond) {
		err := errors.Join(removeCgroups(n.Cgroup), os.RemoveAll(n.Folder))
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// lockFile waits for the lock on the file.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// hierarchies are the roots of all cgroup hierarchies.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}, nil
	}
	files, err := filepath.Glob(filepath.Join(cgroupRoot, "*", "cgroup.procs"))
	for i := range files {
		files[i] = filepath.Dir(files[i])
	}
	return files, err
}

func makeCgroups(name string) error {
	roots, err := hierarchies()
	for _, root := range roots {
		err = errors.Join(err, os.Mkdir(filepath.Join(root, name), 0o755))
	}
	return err
}

// removeCgroups removes those of that name with all below them, in every hierarchy.
func removeCgroups(name string) error {
	roots, err := hierarchies()
	for _, root := range roots {
		var dirs []string
		walked := filepath.WalkDir(filepath.Join(root, name), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return err
		})
		err = errors.Join(err, walked)
		for i := len(dirs) - 1; i >= 0; i-- {
			if removed := unix.Rmdir(dirs[i]); removed != nil {
				err = errors.Join(err, fmt.Errorf("remove %s: %w", dirs[i], removed))
			}
		}
	}
	return err
}
