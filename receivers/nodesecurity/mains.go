// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// mains finds the main process of a container: of those in its cgroup the one with the lowest ID.
//
// The kernel lists in cgroup.procs only processes that have an ID in the reader's PID namespace (kernel/cgroup/cgroup.c
// cgroup_procs_show, cgroup-v1.c pidlist_array_load). A pod without hostPID sees none but its own there, while in the node's
// /proc all are listed: then each process is asked for its cgroup.
type mains struct {
	proc      string
	hierarchy *cgroup.Hierarchy
	// blind says that cgroup.procs does not list the processes of others.
	blind  bool
	reader procfs.Reader
	// found has the main process of each cgroup path; nil until it is needed after begin.
	found map[string]int
}

// newMains returns the main processes of the containers below root. hierarchy may be nil: then there are no containers.
func newMains(root string, hierarchy *cgroup.Hierarchy) mains {
	proc := filepath.Join(root, "proc")
	return mains{proc: proc, hierarchy: hierarchy, blind: isBelow(proc)}
}

// isBelow says whether this process is in a PID namespace below that of the proc file system: then it has an ID in each of
// those (proc_pid_status(5), NSpid).
func isBelow(proc string) bool {
	var reader procfs.Reader
	status, err := reader.ReadFile(proc + "/self/status")
	_, ids, _ := bytes.Cut(status, []byte("\nNSpid:"))
	line, _ := procfs.NextLine(ids)
	return err != nil || len(bytes.Fields(line)) > 1
}

// begin forgets what was found: processes come and go.
func (m *mains) begin() { m.found = nil }

// of returns the ID in the node's /proc; 0 if the cgroup has no process of its own.
func (m *mains) of(path string) int {
	switch {
	case m.hierarchy == nil:
		return 0
	case !m.blind:
		return firstProcess(m.hierarchy.Main.Dir + path)
	case m.found == nil:
		m.walk()
	}
	return m.found[path]
}

// walk asks each process for its cgroup. Those that end meanwhile are of no interest.
func (m *mains) walk() {
	m.found = map[string]int{}
	dir, err := os.Open(m.proc)
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		data, err := m.reader.ReadFile(m.proc + "/" + name + "/cgroup")
		if err != nil {
			continue
		}
		path, ok := m.hierarchy.PathOf(data)
		if first := m.found[string(path)]; ok && (first == 0 || pid < first) {
			m.found[string(path)] = pid
		}
	}
}

// firstProcess is the process of a cgroup with the lowest ID; 0 if it has none of its own.
func firstProcess(dir string) (first int) {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return 0
	}
	for len(data) > 0 {
		var line []byte
		line, data = procfs.NextLine(data)
		if n, ok := procfs.ParseUint(line); ok && n > 0 && (first == 0 || int(n) < first) {
			first = int(n)
		}
	}
	return first
}
