// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Self is where an actor has the program that made it.
const Self = "/usr/libexec/nodesec-lab"

// hidden are directories of which an actor sees nothing of the host's: there are secrets, sockets, and what other actors do.
func hidden() []string {
	return []string{"/boot", "/home", "/media", "/mnt", "/root", "/run", "/srv", "/tmp", "/var/cache", "/var/log",
		"/var/spool/cron", "/var/tmp"}
}

// toys are what an actor has in place of the host's secrets.
func toys() map[string]string {
	const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n"
	return map[string]string{ //nolint:gosec // there is nothing in them
		"/etc/shadow":            "root:!:19000:0:99999:7:::\napp:!:19000:0:99999:7:::\n",
		"/etc/gshadow":           "root:*::\n",
		"/etc/crontab":           "",
		"/root/.bash_history":    "ls\n",
		"/root/.bashrc":          "",
		"/root/.ssh/id_ed25519":  key,
		"/root/.ssh/known_hosts": "",
		"/root/.aws/credentials": "[default]\naws_access_key_id = not-a-key\n",
		"/root/.kube/config":     "apiVersion: v1\nkind: Config\n",
		"/run/secrets/kubernetes.io/serviceaccount/token": "not-a-token",
		"/var/log/syslog":   "started\n",
		"/var/log/auth.log": "started\n",
	}
}

// enterOwnFiles makes the actor's file system and makes it the root.
func enterOwnFiles(cfg *Config) error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Any directory will do: what is mounted there is seen by this process alone, and not for long.
	const stage = "/tmp"
	programDir, err := os.Open(filepath.Dir(program))
	if err != nil {
		return err
	}
	defer func() { _ = programDir.Close() }()
	sources, err := openAll(cfg.Programs)
	if err != nil {
		return err
	}
	options := "mode=755,size=" + strconv.FormatInt(cfg.Limits.Disk, 10)
	if err := unix.Mount("nodesec-lab", stage, "tmpfs", 0, options); err != nil {
		return fmt.Errorf("mount the memory for files: %w", err)
	}
	image, root, own := filepath.Join(stage, "image"), filepath.Join(stage, "root"), filepath.Join(stage, "own")
	for _, dir := range []string{image, root, own, stage + "/upper", stage + "/work", stage + "/none"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := fillImage(image, cfg, sources); err != nil {
		return err
	}
	layers := "lowerdir=" + image + ":/,upperdir=" + stage + "/upper,workdir=" + stage + "/work"
	if err := unix.Mount("overlay", root, "overlay", 0, layers); err != nil {
		return fmt.Errorf("mount the file system: %w", err)
	}
	// This program comes by an overlay, too: else each use of it would be that of a file of the host.
	layers = "lowerdir=/proc/self/fd/" + strconv.Itoa(int(programDir.Fd())) + ":" + stage + "/none"
	if err := unix.Mount("overlay", own, "overlay", unix.MS_RDONLY, layers); err != nil {
		return fmt.Errorf("mount this program: %w", err)
	}
	if err := mountBeside(root, filepath.Join(own, filepath.Base(program)), cfg.Privileged); err != nil {
		return err
	}
	return changeRoot(root)
}

func openAll(programs map[string]string) (map[string]*os.File, error) {
	all := map[string]*os.File{}
	for to, from := range programs {
		file, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		all[to] = file
	}
	return all, nil
}

// fillImage writes the layer that is between the host's files and those that the actor writes: all in it is older than the
// actor, as an image is older than its containers.
func fillImage(image string, cfg *Config, programs map[string]*os.File) error {
	for _, dir := range hidden() {
		path := filepath.Join(image, dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if err := unix.Setxattr(path, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
			return fmt.Errorf("hide %s: %w", dir, err)
		}
	}
	for _, dir := range []string{"/tmp", "/var/tmp"} {
		if err := os.Chmod(filepath.Join(image, dir), 0o777|os.ModeSticky); err != nil {
			return err
		}
	}
	files := toys()
	maps.Copy(files, cfg.Files)
	files[Self] = ""
	for name, text := range files {
		path := filepath.Join(image, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"/etc/shadow", "/etc/gshadow", "/root/.ssh/id_ed25519"} {
		if err := os.Chmod(filepath.Join(image, name), 0o600); err != nil {
			return err
		}
	}
	for name, source := range programs {
		if err := copyProgram(filepath.Join(image, name), source); err != nil {
			return err
		}
	}
	return nil
}

func copyProgram(path string, source *os.File) error {
	defer func() { _ = source.Close() }()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, source); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// changeRoot is what runc does (libcontainer/rootfs_linux.go, pivotRoot): the old root is below the new one at the same
// place, until it is taken away.
func changeRoot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the host's files: %w", err)
	}
	return unix.Chdir("/")
}
