// SPDX-License-Identifier: Apache-2.0

package crowd

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// cgroupFolder is ours alone, so that everything below may be removed.
const cgroupFolder = "nodesec-bench"

var errNoCgroups = errors.New("no cgroup file system is mounted")

// cgroups are made to look like those of Kubernetes containers, in every hierarchy as a container runtime does.
type cgroups struct {
	roots []string // of the hierarchies
	paths []string // below each root
}

// makeCgroups makes cgroups. It needs to be root, and cgroups that are mounted writable.
func makeCgroups(count int) (_ *cgroups, err error) {
	c := &cgroups{}
	if c.roots, err = hierarchies("/proc/self/mountinfo"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	for i := range count {
		path := filepath.Join(cgroupFolder, "kubepods", "burstable", fmt.Sprintf("pod%08x-0000-4000-8000-000000000000", i),
			fmt.Sprintf("%064x", i))
		for _, root := range c.roots {
			if err := makeCgroup(root, path); err != nil {
				return nil, err
			}
		}
		c.paths = append(c.paths, path)
	}
	return c, nil
}

// makeCgroup makes a cgroup and its parents. In cgroup v2 each of them hands its controllers down first.
func makeCgroup(root, path string) error {
	folder := root
	for _, name := range strings.Split(path, "/") {
		if controllers, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers")); err == nil {
			for _, controller := range strings.Fields(string(controllers)) {
				// Some controllers can't be handed down everywhere; those that matter here can.
				_ = os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
			}
		}
		folder = filepath.Join(folder, name)
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make a cgroup: %w", err)
		}
	}
	return nil
}

// hierarchies returns the mount points of all cgroup v1 controllers, or that of cgroup v2 where it has them. cpuset is
// left out: it takes no process before its CPUs are set.
func hierarchies(mountinfo string) ([]string, error) {
	file, err := os.Open(mountinfo)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	defer file.Close()
	var v1, v2 []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		// Documentation/filesystems/proc.rst, 3.5: the mount point is the fifth field; type, source and options of the
		// file system follow a lone hyphen.
		fields := strings.Fields(lines.Text())
		separator := slices.Index(fields, "-")
		if separator < 5 || separator+3 >= len(fields) {
			continue
		}
		point, options := fields[4], strings.Split(fields[separator+3], ",")
		switch {
		case fields[separator+1] == "cgroup2":
			v2 = append(v2, point)
		case fields[separator+1] == "cgroup" && !slices.Contains(options, "cpuset"):
			v1 = append(v1, point)
		}
	}
	switch {
	case len(v1) > 0:
		return v1, nil
	case len(v2) > 0:
		return v2, nil
	}
	return nil, errNoCgroups
}

// attach puts a process into the cgroup of this number, counted round.
func (c *cgroups) attach(number int, pid string) error {
	for _, root := range c.roots {
		file := filepath.Join(root, c.paths[number%len(c.paths)], "cgroup.procs")
		if err := os.WriteFile(file, []byte(pid), 0o644); err != nil {
			return fmt.Errorf("move a process into a cgroup: %w", err)
		}
	}
	return nil
}

// remove removes all cgroups, children first. The kernel lets a cgroup go a moment after its last process.
func (c *cgroups) remove() error {
	var errs []error
	for _, root := range c.roots {
		var folders []string
		_ = filepath.WalkDir(filepath.Join(root, cgroupFolder), func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		for _, folder := range slices.Backward(folders) {
			errs = append(errs, removeCgroup(folder))
		}
	}
	return errors.Join(errs...)
}

func removeCgroup(folder string) error {
	err := syscall.Rmdir(folder)
	for range 100 {
		if !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(10 * time.Millisecond)
		err = syscall.Rmdir(folder)
	}
	if err != nil {
		return fmt.Errorf("remove cgroup %s: %w", folder, err)
	}
	return nil
}
