// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/posture"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// Check tells what the receiver can collect on this host with this configuration. It loads the BPF programs for a moment
// and reads posture once; nothing is kept.
func Check(cfg *Config) (check.Report, error) {
	described, err := Features()
	if err != nil {
		return check.Report{}, err
	}
	sizes := map[string]int{}
	for _, f := range described {
		sizes[f.Group]++
	}
	c := readCircumstances(cfg.root())
	report := check.Report{Host: c.Host}
	var tree *cgroup.Tree
	hierarchy, err := cgroup.Detect(cfg.root())
	if err == nil {
		tree = cgroup.NewTree(hierarchy, cfg.Containers.Units)
		defer tree.Close()
		if err := tree.Refresh(); err != nil {
			return report, err
		}
	}
	groups := c.checkBPF(cfg, hierarchy, tree, sizes)
	report.Groups = slices.Concat(groups, []check.Group{checkEvents(groups)}, checkPosture(cfg.root(), hierarchy, tree))
	report.Capabilities = c.checkCapabilities()
	report.Mounts = c.checkMounts()
	return report, nil
}

const groupPrefix = "security."

// checkBPF loads the programs and tells what became of each group.
func (c *circumstances) checkBPF(
	cfg *Config, hierarchy *cgroup.Hierarchy, tree *cgroup.Tree, sizes map[string]int,
) (groups []check.Group) {
	p, err := loadProbe(cfg, hierarchy, tree)
	var statuses []probe.Status
	missing := uint64(1<<probe.Groups - 1)
	if err == nil {
		statuses, missing = p.Status(), p.Missing()
		defer func() { _ = p.Close() }()
	}
	for group := range probe.Groups {
		g := check.Group{
			Name: groupPrefix + group.String(), Of: sizes[group.String()],
			Source: "BPF " + strings.Join(probe.Programs(group), ", "),
		}
		there := missing&(1<<group) == 0
		switch {
		case err != nil:
			g.Reasons = []check.Reason{c.diagnose(err)}
		case there:
			g.Features = g.Of
		default:
			g.Reasons = c.diagnoseGroup(group, statuses)
		}
		g.Judge(there)
		groups = append(groups, g)
	}
	return groups
}

// checkEvents tells which kinds of log records there can be, given the groups in their order.
func checkEvents(groups []check.Group) check.Group {
	g := check.Group{Name: "security.events", Source: "BPF ring buffer, as log records"}
	without := map[string][]string{} // names of events by the reason why there are none
	var reasons []check.Reason
	for _, event := range []struct {
		kind  probe.EventKind
		group probe.Group
	}{
		{probe.EventFirstExec, probe.GroupExecution},
		{probe.EventModuleLoad, probe.GroupModules},
		{probe.EventBPFLoad, probe.GroupCalls},
	} {
		g.Of++
		if groups[event.group].State == check.OK {
			g.Features++
			continue
		}
		name, _ := eventName(event.kind)
		for _, r := range groups[event.group].Reasons {
			if without[r.Why] == nil {
				reasons = append(reasons, check.Reason{Why: r.Why, Help: r.Help})
			}
			without[r.Why] = append(without[r.Why], name)
		}
	}
	for _, r := range reasons {
		if names := without[r.Why]; len(names) < g.Of {
			r.Why = "no " + strings.Join(names, ", ") + ": " + r.Why
		}
		g.Reasons = append(g.Reasons, r)
	}
	g.Judge(g.Features > 0)
	return g
}

// facts are the features of posture in a scope: those that there are, and those that were found.
type facts struct {
	found map[posture.Fact]bool // without value
	errs  []error
	read  int // entities
}

func (f *facts) add(list []posture.Fact, err error) {
	f.read++
	for _, fact := range list {
		fact.Value = 0
		f.found[fact] = true
	}
	if err != nil {
		f.errs = append(f.errs, err)
	}
}

// checkPosture reads the posture of the node and of all containers.
func checkPosture(root string, hierarchy *cgroup.Hierarchy, tree *cgroup.Tree) []check.Group {
	node, containers := facts{found: map[posture.Fact]bool{}}, facts{found: map[posture.Fact]bool{}}
	_, err := os.Stat(filepath.Join(root, "proc/stat")) // an empty directory would have no accounts, no setuid files, ...
	var reader *posture.Reader
	if err == nil {
		reader, err = posture.New(root)
	}
	if err != nil {
		node.errs, containers.errs = []error{err}, []error{err}
	} else {
		defer func() { _ = reader.Close() }()
		_, _ = reader.Node() // the first reading can not tell what changed
		node.add(reader.Node())
		containers.addContainers(reader, newMains(root, hierarchy), tree)
	}
	return []check.Group{
		node.group(posture.ScopeNode, "/proc, /sys, /etc, /home"),
		containers.group(posture.ScopeContainer, "/proc/PID of the main process"),
	}
}

func (f *facts) addContainers(reader *posture.Reader, mains mains, tree *cgroup.Tree) {
	if tree == nil {
		return
	}
	var all []posture.Container
	for _, c := range tree.Containers() {
		pid := mains.of(c.Path)
		if pid == 0 {
			continue
		}
		found, err := reader.Container(pid)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		f.add(found.Facts, err)
		found.Facts = nil
		all = append(all, found)
	}
	reader.ShareProcessNamespaces(all)
	for _, c := range all {
		for _, fact := range c.Facts {
			fact.Value = 0
			f.found[fact] = true
		}
	}
}

func (f *facts) group(scope posture.Scope, source string) check.Group {
	g := check.Group{Name: "posture." + string(scope), Source: source, Features: len(f.found), Of: factsOf(scope)}
	if len(f.errs) > 0 {
		g.Reasons = append(g.Reasons, f.unreadable())
	} else if f.read == 0 {
		g.Reasons = []check.Reason{{Why: "there are no containers now"}}
	}
	g.Judge(f.read > 0 && len(f.found) > 0)
	return g
}

// factsOf is how many facts the catalogue has of a scope.
func factsOf(scope posture.Scope) (n int) {
	for _, d := range posture.Catalogue() {
		if d.Scope == scope {
			n += max(1, len(d.Values))
		}
	}
	return n
}

var pidInPath = regexp.MustCompile(`/proc/[0-9]+`)

// unreadable tells the facts that could not be read; what is true of several processes once.
func (f *facts) unreadable() check.Reason {
	err := errors.Join(f.errs...)
	texts := strings.Split(pidInPath.ReplaceAllString(strings.ReplaceAll(err.Error(), "//", "/"), "/proc/PID"), "\n")
	slices.Sort(texts)
	texts = slices.Compact(texts)
	r := check.Reason{Why: texts[0], Detail: strings.Join(texts, "\n")}
	if len(texts) > 1 {
		r.Why = fmt.Sprintf("%s, and %d more", texts[0], len(texts)-1)
	}
	if errors.Is(err, os.ErrPermission) {
		r.Help = check.HelpReadAll
	}
	return r
}

func (c *circumstances) checkCapabilities() []check.Capability {
	ptrace := "posture of containers and /proc/PID/io, fd and exe of processes of other users"
	files := "/etc/shadow, sudoers, crontabs, authorized_keys in posture of the node; /proc/PID/io of other users"
	return []check.Capability{
		{Name: "CAP_BPF", Effective: c.capabilities.Has(check.CapBPF), Needed: true, Without: "all that is counted in the kernel"},
		{Name: "CAP_PERFMON", Effective: c.capabilities.Has(check.CapPerfmon), Needed: true, Without: "all that is counted in the kernel"},
		{Name: "CAP_SYS_PTRACE", Effective: c.capabilities.Has(check.CapSysPtrace), Needed: true, Without: ptrace},
		{Name: "CAP_DAC_READ_SEARCH", Effective: c.capabilities.Has(check.CapDACReadSearch), Needed: true, Without: files},
		{
			Name: "CAP_SYS_RESOURCE", Effective: c.capabilities.Has(check.CapSysResource), Needed: false,
			Without: "nothing: since Linux 5.11 BPF memory is charged to the cgroup, not to RLIMIT_MEMLOCK",
		},
	}
}

// checkMounts tells of the file systems that the receivers read.
func (c *circumstances) checkMounts() (mounts []check.Mount) {
	for _, m := range []struct{ path, file, purpose string }{
		{"/proc", "proc/stat", "node, processes, posture"},
		{"/sys", "sys/kernel", "devices, security modules"},
		{"/sys/fs/cgroup", "sys/fs/cgroup", "containers"},
	} {
		mount := check.Mount{Path: filepath.Join(c.Root, m.path), For: m.purpose, State: check.OK}
		if _, err := os.Stat(filepath.Join(c.Root, m.file)); err != nil {
			mount.State, mount.Why = check.Missing, err.Error()
		}
		mounts = append(mounts, mount)
	}
	if mount := &mounts[0]; mount.State == check.OK && seesOwnProcessesAlone(mount.Path) {
		mount.State = check.Degraded
		mount.Why = "it has the processes of a container alone: mount the node's root and name it (Kubernetes: hostPath /), or share its processes (hostPID: true)"
	}
	if mount := &mounts[len(mounts)-1]; c.Cgroups == "" && mount.State == check.OK {
		mount.State, mount.Why = check.Missing, "no hierarchy is mounted there"
	}
	mounts = append(mounts, check.Mount{Path: "/sys/kernel/btf", For: "BPF programs", State: check.OK})
	if !c.BTF {
		mounts[len(mounts)-1].State = check.Missing
		mounts[len(mounts)-1].Why = "no vmlinux there: not mounted, or a kernel without CONFIG_DEBUG_INFO_BTF"
	}
	return mounts
}

// hostPIDNamespace is the inode number of the first process namespace, PROC_PID_INIT_INO in include/linux/proc_ns.h.
const hostPIDNamespace = "pid:[4026531836]"

// seesOwnProcessesAlone says whether the proc file system is that of a container.
func seesOwnProcessesAlone(proc string) bool {
	own, err := os.Readlink("/proc/self/ns/pid")
	return err == nil && own != hostPIDNamespace && !isBelow(proc)
}
