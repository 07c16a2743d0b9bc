// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/counter"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// maxGates bounds the descriptors kept open for gates. Each holds a page of kernel memory.
const maxGates = 4096

// processTable knows the processes of the node: who they are, what they counted, and what that grew by in this tick.
//
// Most processes of a node do nothing during a tick, so the table asks each for as little as tells that: see gate. All
// files of a process are read only when it did something. A process is known by its ID and start time; another one with
// the same ID is another process.
type processTable struct {
	dir       *procfs.PIDs
	path      string            // of dir, for messages
	hierarchy *cgroup.Hierarchy // nil without cgroups

	known  map[int]*process
	list   []*process // the processes of this tick, in the kernel's order
	groups map[string]*processGroup
	counts hostCounts
	gates  int // how many more gates may be kept open

	walks    int           // how often the processes were walked over
	started  time.Duration // when this walk started, as time since boot
	previous time.Duration // when the previous walk started
	now      time.Duration // a recent time since boot

	pids []int
	stat procfs.PIDStat // what was just read
}

// processGroup is processes that are counted together: those of a cgroup, or those of a container.
type processGroup struct {
	processes, threads, fileDescriptors int64
	growth                              processSums // since the previous refresh
	pid                                 int         // the lowest of those alive; 0 if there is none
	missing, told                       source      // what some of the processes did not tell, and what some did

	identity cgroup.Identity // of the cgroup
}

// newProcessTable opens the proc file system below root. hierarchy may be nil: no process has a cgroup then.
func newProcessTable(root string, hierarchy *cgroup.Hierarchy) (*processTable, error) {
	path := filepath.Join(root, "proc")
	dir, err := procfs.OpenPIDs(path)
	if err != nil {
		return nil, err
	}
	t := &processTable{
		dir: dir, path: path, hierarchy: hierarchy, known: map[int]*process{}, groups: map[string]*processGroup{},
		gates: maxGates,
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		t.gates = int(min(maxGates, limit.Cur/4))
	}
	return t, nil
}

func (t *processTable) close() error {
	for _, p := range t.known {
		t.closeGate(p)
	}
	return t.dir.Close()
}

// refresh walks over all processes. Its error means that they could not be listed.
func (t *processTable) refresh(e *emitter) error {
	t.list, t.counts = t.list[:0], hostCounts{}
	for _, g := range t.groups {
		*g = processGroup{identity: g.identity}
	}
	pids, err := t.dir.List(t.pids[:0])
	t.pids = pids
	if err != nil {
		return fmt.Errorf("list %s: %w", t.path, err)
	}
	t.previous, t.started = t.started, e.startedBoot
	t.walks++
	t.now = e.clock.boot()
	for _, pid := range pids {
		t.visit(e, pid)
	}
	t.forget()
	t.counts.knowsProcesses = true
	return nil
}

// visit looks at one process and, if it did something, reads it.
func (t *processTable) visit(e *emitter, pid int) {
	p, known := t.known[pid], true
	if p == nil {
		p, known = &process{pid: pid, gate: gate{fd: noFile}}, false
		t.openGate(p, "schedstat") // most have one thread
	}
	if t.isClosed(p) {
		t.keep(e, p, false)
		return
	}
	t.now = e.clock.boot()
	err := t.readStat(p)
	if err == nil && known && p.stat.StartTime != t.stat.StartTime {
		t.drop(p)
		t.visit(e, pid) // another process
		return
	}
	if err == nil && known && !p.mayHaveCounted(&t.stat) {
		p.takeStat(&t.stat)
		t.keep(e, p, false)
		return
	}
	if err == nil {
		if !known {
			t.add(e, p)
		}
		err = t.read(e, p)
	}
	if err != nil {
		t.fail(e, p, err)
		return
	}
	t.keep(e, p, true)
}

// add makes the acquaintance of the process whose stat was just read. One that was born since the previous walk started
// has counted from zero in this tick; its start time is cut to clock ticks.
func (t *processTable) add(e *emitter, p *process) {
	p.life.born = t.stat.Start()
	p.growth.Newborn = t.walks > 1 && p.life.born+time.Second/procfs.UserHZ >= t.previous
	p.life.counters = counter.Set{Temporality: e.temporality, Newborn: p.growth.Newborn}
	t.known[p.pid] = p
}

// keep counts the process into this tick.
func (t *processTable) keep(e *emitter, p *process, ran bool) {
	p.life.read, p.life.tick = p.read, p.tick // whether or not there was a sample, its window would end there
	p.read, p.tick, p.ran, p.walk = t.now, e.tick.Time, ran, t.walks
	t.list = append(t.list, p)
	if state, ok := stateOf(p.stat.State); ok {
		t.counts.processes[state]++
	}
	t.counts.threads += int64(p.stat.Threads)
	if p.group != nil {
		p.group.add(p)
	}
}

// fail gives up a process for this tick. It is met anew at the next one if it is still there.
func (t *processTable) fail(e *emitter, p *process, err error) {
	if procfs.IsGone(err) {
		e.vanished++
	} else {
		e.readErrors++
	}
	t.drop(p)
}

func (t *processTable) drop(p *process) {
	t.closeGate(p)
	delete(t.known, p.pid)
}

// forget drops the processes and cgroups that are gone.
func (t *processTable) forget() {
	for _, p := range t.known {
		if p.walk != t.walks {
			t.drop(p)
		}
	}
	for path, g := range t.groups {
		if g.processes == 0 {
			delete(t.groups, path)
		}
	}
}

// knowsGrowth says that there was a walk before the latest one, so that what the processes counted since is known.
func (t *processTable) knowsGrowth() bool { return t.walks > 1 }

func (g *processGroup) add(p *process) {
	one := processGroup{
		processes: 1, threads: int64(p.stat.Threads), fileDescriptors: int64(p.fileDescriptors.Value),
		missing: p.missing, told: ^p.missing,
	}
	if p.stat.State != 'Z' && p.stat.State != 'X' {
		one.pid = p.pid
	}
	if p.ran {
		one.growth = processSums{
			voluntary:     p.counters[processVoluntary].growth,
			involuntary:   p.counters[processInvoluntary].growth,
			runQueueDelay: p.counters[processRunDelay].growth,
			user:          p.counters[processUserTime].growth,
			system:        p.counters[processSystemTime].growth,
		}
	}
	g.merge(&one)
}

// merge adds the processes of another group.
func (g *processGroup) merge(more *processGroup) {
	g.processes += more.processes
	g.threads += more.threads
	g.fileDescriptors += more.fileDescriptors
	g.growth.add(&more.growth)
	if g.pid == 0 || more.pid != 0 && more.pid < g.pid {
		g.pid = more.pid
	}
	g.missing |= more.missing
	g.told |= more.told
}
