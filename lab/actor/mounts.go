// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mountBeside mounts what is no file of an image: the kernel's file systems, devices, and this program.
func mountBeside(root, program string, privileged bool) error {
	const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	var sysfs uintptr = plain
	if !privileged {
		sysfs |= unix.MS_RDONLY // as engines do
	}
	for _, m := range []struct {
		kind, path, options string
		flags               uintptr
	}{
		{"proc", "/proc", "", plain},
		{"sysfs", "/sys", "", sysfs},
		{"tmpfs", "/dev", "mode=755,size=64k", unix.MS_NOSUID | unix.MS_NOEXEC},
		{"devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=620", unix.MS_NOSUID | unix.MS_NOEXEC},
		{"tmpfs", "/dev/shm", "mode=1777,size=64m", unix.MS_NOSUID | unix.MS_NODEV},
	} {
		path := filepath.Join(root, m.path)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, path, m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mount %s: %w", m.path, err)
		}
	}
	if err := makeDevices(filepath.Join(root, "dev")); err != nil {
		return err
	}
	if err := bindReadOnly(program, filepath.Join(root, Self)); err != nil {
		return err
	}
	// What of /proc belongs to the whole machine. The settings of the network are the actor's own.
	for _, name := range []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi", "/proc/scsi"} {
		path := filepath.Join(root, name)
		if _, err := os.Stat(path); err != nil {
			continue // not every kernel has them all
		}
		if err := bindReadOnly(path, path); err != nil {
			return err
		}
	}
	return nil
}

func bindReadOnly(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", to, err)
	}
	if err := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("protect %s: %w", to, err)
	}
	return nil
}

// makeDevices makes those that every container has (the OCI runtime specification, "Default Devices").
func makeDevices(dir string) error {
	for _, d := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		path := filepath.Join(dir, d.name)
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor))); err != nil {
			return fmt.Errorf("make the device %s: %w", d.name, err)
		}
		if err := os.Chmod(path, 0o666); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
