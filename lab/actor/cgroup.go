// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupParent is the cgroup above those of all actors.
const cgroupParent = "nodesec-lab"

// hierarchies are where cgroups are made: one folder with cgroup v2, one per controller with v1.
type hierarchies struct {
	unified bool
	folders []string
}

// controllersV1 are those that container engines make a container's cgroup in, as far as our receivers read them.
func controllersV1() []string { return []string{"memory", "pids", "cpu", "cpuacct", "blkio"} }

func findHierarchies(base string) (h hierarchies, err error) {
	if exists(filepath.Join(base, "cgroup.procs")) {
		return hierarchies{unified: true, folders: []string{base}}, nil
	}
	for _, controller := range controllersV1() {
		// cpu and cpuacct can be links to one folder.
		folder, err := filepath.EvalSymlinks(filepath.Join(base, controller))
		if err == nil && exists(filepath.Join(folder, "cgroup.procs")) && !slices.Contains(h.folders, folder) {
			h.folders = append(h.folders, folder)
		}
	}
	if len(h.folders) == 0 {
		return h, fmt.Errorf("there are no cgroups under %s", base)
	}
	return h, nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// make makes the cgroup of the path, with its limits.
func (h hierarchies) make(path string, l Limits) error {
	for _, folder := range h.folders {
		if err := h.makeIn(folder, path); err != nil {
			return fmt.Errorf("make the cgroup %s: %w", path, err)
		}
	}
	if h.unified {
		return h.limit(path, map[string]string{
			"cpu.max":    fmt.Sprintf("%d 100000", int64(l.CPUs*100000)),
			"memory.max": strconv.FormatInt(l.Memory, 10),
			"pids.max":   strconv.Itoa(l.PIDs),
		})
	}
	return h.limit(path, map[string]string{
		"cpu.cfs_period_us":     "100000",
		"cpu.cfs_quota_us":      strconv.FormatInt(int64(l.CPUs*100000), 10),
		"memory.limit_in_bytes": strconv.FormatInt(l.Memory, 10),
		"pids.max":              strconv.Itoa(l.PIDs),
	})
}

// makeIn makes it in one hierarchy. The parent is removed by whoever finds it empty, so it may vanish in between.
func (h hierarchies) makeIn(folder, path string) error {
	for range 10 {
		if err := os.MkdirAll(filepath.Join(folder, cgroupParent), 0o755); err != nil {
			return err
		}
		if h.unified {
			// Controllers that are not there are missing from the actor, and limit says so.
			for _, dir := range []string{folder, filepath.Join(folder, cgroupParent)} {
				for _, controller := range []string{"+cpu", "+memory", "+pids", "+io"} {
					_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(controller), 0)
				}
			}
		}
		if err := os.Mkdir(filepath.Join(folder, path), 0o755); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fs.ErrNotExist
}

// limit writes each file in the hierarchy that has it.
func (h hierarchies) limit(path string, files map[string]string) error {
	for name, text := range files {
		found := false
		for _, folder := range h.folders {
			file := filepath.Join(folder, path, name)
			if !exists(file) {
				continue
			}
			found = true
			if err := os.WriteFile(file, []byte(text), 0); err != nil {
				return fmt.Errorf("limit the cgroup %s: %w", path, err)
			}
		}
		if !found {
			return fmt.Errorf("limit the cgroup %s: there is no %s on this host", path, name)
		}
	}
	return nil
}

// join moves a process into the cgroup.
func (h hierarchies) join(path string, pid int) error {
	for _, folder := range h.folders {
		if err := os.WriteFile(filepath.Join(folder, path, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("move process %d into the cgroup %s: %w", pid, path, err)
		}
	}
	return nil
}

// processes are those of the cgroup.
func (h hierarchies) processes(path string) (pids []int, err error) {
	text, err := os.ReadFile(filepath.Join(h.folders[0], path, "cgroup.procs"))
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("list processes of %s: %w", path, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// removePatience is how long processes may take to die, and their cgroup to be free of them.
const removePatience = 10 * time.Second

// remove kills what runs in the cgroup and removes it.
func (h hierarchies) remove(path string) error {
	for _, folder := range h.folders {
		deadline := time.Now().Add(removePatience)
		for {
			err := unix.Rmdir(filepath.Join(folder, path))
			if err == nil || errors.Is(err, unix.ENOENT) {
				break
			}
			if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
				return fmt.Errorf("remove the cgroup %s: %w", filepath.Join(folder, path), err)
			}
			killAll(filepath.Join(folder, path))
			time.Sleep(10 * time.Millisecond)
		}
		_ = unix.Rmdir(filepath.Join(folder, cgroupParent)) // stays as long as there are others
	}
	return nil
}

func killAll(folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
