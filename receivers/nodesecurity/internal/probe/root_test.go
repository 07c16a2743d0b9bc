// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func rootActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"enter root": enterRoot, "put": put, "bind": bind, "tmpfs": mountTmpfs, "overlay": mountOverlay,
		"symlink": func(args []string) error { return os.Symlink(args[0], args[1]) },
		"chroot":  changeRoot,
		"private": func([]string) error { return privateMounts() },
	}
}

// privateMounts gives this thread mounts of its own, which are gone when it is.
func privateMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

// enterRoot makes an empty file system the root of this thread, which nobody else sees.
func enterRoot(args []string) error {
	if err := privateMounts(); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", args[0], "tmpfs", 0, ""); err != nil {
		return err
	}
	return changeRoot(args)
}

func changeRoot(args []string) error {
	if err := unix.Chroot(args[0]); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// put makes files and their directories; of names that end in a slash, only these.
func put(paths []string) error {
	for _, path := range paths {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if path[len(path)-1] == '/' {
			continue
		}
		if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func bind(args []string) error { return unix.Mount(args[0], args[1], "", unix.MS_BIND, "") }

func mountTmpfs(args []string) error {
	for _, dir := range args {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			return err
		}
	}
	return nil
}

// mountOverlay mounts an overlay at the first directory, with the layers lower, upper and work in the second.
func mountOverlay(args []string) error {
	for _, layer := range []string{"lower", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(args[1], layer), 0o755); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return err
	}
	return unix.Mount("overlay", args[0], "overlay", 0,
		"lowerdir="+args[1]+"/lower,upperdir="+args[1]+"/upper,workdir="+args[1]+"/work")
}
