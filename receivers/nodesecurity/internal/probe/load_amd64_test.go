// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ledger does what the receiver does: it reads the slots at each tick, adds up what they counted and releases those of
// cgroups that were removed.
type ledger struct {
	host   *host
	before map[uint32]*Counters // by slot
	own    map[uint64]*Counters // by cgroup, as long as it lives
	gone   map[uint64]bool
	ticks  int
	read   time.Duration
	ended  func(of *Counters) // called for each removed cgroup
}

func newLedger(h *host, ended func(*Counters)) *ledger {
	return &ledger{
		host: h, before: map[uint32]*Counters{}, own: map[uint64]*Counters{}, gone: map[uint64]bool{}, ended: ended,
	}
}

func (l *ledger) tick(t *testing.T) {
	t.Helper()
	p := l.host.probe
	require.NoError(t, p.News(func(n CgroupNews) {
		if n.Removed {
			l.gone[n.Cgroup] = true
		}
	}))
	begun := time.Now()
	l.add(t, Slot{})
	var remove []Slot
	for s := range p.Slots() {
		l.add(t, s)
		if l.gone[s.Cgroup] {
			remove = append(remove, s)
		}
	}
	l.read += time.Since(begun)
	l.ticks++
	for _, s := range remove {
		require.NoError(t, p.Release(s))
		l.ended(l.own[s.Cgroup])
		delete(l.own, s.Cgroup)
		delete(l.gone, s.Cgroup)
	}
}

func (l *ledger) add(t *testing.T, s Slot) {
	t.Helper()
	var now, since Counters
	require.NoError(t, l.host.probe.Read(s.Number, &now))
	if l.before[s.Number] == nil {
		l.before[s.Number] = &Counters{}
	}
	if l.own[s.Cgroup] == nil {
		l.own[s.Cgroup] = &Counters{}
	}
	since.Since(&now, l.before[s.Number])
	l.own[s.Cgroup].Add(&since)
	*l.before[s.Number] = now
}

// memory is what the maps hold, in bytes, as the kernel accounts for it.
func (p *Probe) memory(t *testing.T) (total uint64) {
	t.Helper()
	for name, m := range p.maps {
		info, err := m.Info()
		require.NoError(t, err, name)
		bytes, ok := info.Memlock()
		require.True(t, ok, name)
		total += bytes
	}
	return total
}

// worker is a process that does a known number of things in a cgroup.
type worker struct {
	dir     string
	machine *machine
	process *process
}

// begin starts all workers at once, ticks until they have ended, and tells how long that took.
func (l *ledger) begin(t *testing.T, workers []*worker) time.Duration {
	t.Helper()
	for i, w := range workers {
		w.process = start(t, w.dir, w.machine.file(t, directory(t), "worker"+strconv.Itoa(i)))
	}
	done := make(chan error, len(workers))
	begun := time.Now()
	for _, w := range workers {
		_, err := w.process.begin.Write([]byte{'\n'})
		require.NoError(t, err)
		go func() { done <- w.process.cmd.Wait() }()
	}
	for range workers {
		for ended := false; !ended; {
			select {
			case err := <-done:
				require.NoError(t, err)
				ended = true
			case <-time.After(20 * time.Millisecond):
				l.tick(t)
			}
		}
	}
	took := time.Since(begun)
	l.tick(t)
	return took
}

// manyCalls, manyProcesses and manyCgroups are the workers of the load test, all at once.
const (
	callsEach     = 1_000_000
	processesEach = 5_000
	cgroupsEach   = 2_500
)

func manyCalls() *machine {
	p := newMachine()
	p.loop(callsEach/10, func() {
		p.loop(5, func() { p.call("getppid") })
		p.loop(2, func() { p.call("getuid") })
		p.call("umask", 0o22)
		p.call("close", -1)
		p.call("mprotect", 0x10000000, 0, 7)
	})
	return p
}

func manyProcesses(path string) *machine {
	p := newMachine()
	at := p.string(path)
	arguments, environment := p.words(at, 0), p.words(0)
	p.loop(processesEach, func() {
		p.call("vfork")
		p.child(func() { p.call("execve", at, arguments, environment) })
		p.wait()
	})
	return p
}

// manyCgroups makes and removes one cgroup after the other, each with one process in it. All have the same path.
func manyCgroups(path string, n int) *machine {
	p := newMachine()
	dir, procs, self := p.string(path), p.string(path+"/cgroup.procs"), p.string("0")
	p.loop(n, func() {
		p.call("mkdir", dir, 0o755)
		p.fork(func() {
			p.call("open", procs, os.O_WRONLY, 0)
			p.call("write", result{}, self, 1)
			p.loop(10, func() { p.call("getppid") })
			p.call("sched_get_priority_max", 0)
		})
		p.wait()
		p.call("rmdir", dir)
	})
	return p
}

func TestCountsAreExactUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of all CPUs")
	}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		const slots = 2048
		unload(t)
		h = h.small(t, slots)
		memory := h.probe.memory(t)
		skipped := h.probe.Skipped()
		removed := 0
		l := newLedger(h, func(of *Counters) {
			if of.Syscalls[numberOf("getppid")] == 10 && of.Counts[CountExit] == 1 && of.Syscalls[numberOf("write")] == 1 {
				removed++
			}
		})
		l.tick(t)
		path := target(t, "short")
		var calls, processes, cgroups []*worker
		for i := range 2 {
			one, two := h.cgroup(t), h.cgroup(t)
			for range 2 { // two processes in each cgroup
				calls = append(calls, &worker{dir: one, machine: manyCalls()})
				processes = append(processes, &worker{dir: two, machine: manyProcesses(path)})
			}
			dir := h.cgroup(t)
			cgroups = append(cgroups, &worker{dir: dir, machine: manyCgroups(filepath.Join(h.base, "nodesec-load"+strconv.Itoa(i)), cgroupsEach)})
		}
		took := l.begin(t, append(append(append([]*worker{}, calls...), processes...), cgroups...))

		for i := range 2 {
			l.demand(t, calls[2*i:2*i+2], outcome{CountExit: 2, CountSyscallErrors: callsEach / 10 * 2, CountMprotectWX: callsEach / 10 * 2})
			l.demand(t, processes[2*i:2*i+2], outcome{
				CountExit: 2*processesEach + 2, CountFork: 2 * processesEach, CountExec: 2 * processesEach,
				CountExecRoot: 2 * processesEach, CountExecFirstSeen: 1, CountExecDropped: 2 * processesEach,
			})
			outer := &cgroups[i].machine.returned // the others were counted in the cgroups that are removed
			outer[numberOf("write")], outer[numberOf("getppid")], outer[numberOf("sched_get_priority_max")] = 0, 0, 0
			l.demand(t, cgroups[i:i+1], outcome{CountExit: 1, CountFork: cgroupsEach, CountOpen: cgroupsEach, CountUnlink: cgroupsEach})
		}
		assert.Equal(t, 2*cgroupsEach, removed, "removed cgroups of which all was counted")
		assert.Equal(t, memory, h.probe.memory(t), "the memory of the maps")
		assert.Less(t, memory, uint64(128<<20))
		unattributed, _, lostCgroups := h.probe.Lost()
		assert.Zero(t, unattributed)
		assert.Zero(t, lostCgroups)
		assert.Equal(t, skipped, h.probe.Skipped(), "programs that interrupted themselves")
		var node Counters
		require.NoError(t, h.probe.Read(0, &node))
		assert.Equal(t, Counters{}, node)
		l.report(t, took, memory)
	})
}

// What has no slot is counted for the node, and news that do not fit are counted.
func TestNothingIsLostWhenSlotsRunOut(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		unload(t)
		h = h.small(t, 64)
		l := newLedger(h, nil)
		const n = 11_000 // more news than fit
		m := manyCgroups(filepath.Join(h.base, "nodesec-full"), n)
		start(t, h.cgroup(t), m.file(t, directory(t), "worker")).finish(t)
		for slot := range uint32(64) {
			l.add(t, Slot{Number: slot, Cgroup: uint64(slot)})
		}
		sum := 0
		for _, of := range l.own {
			sum += int(of.Syscalls[numberOf("sched_get_priority_max")])
		}
		assert.Equal(t, n, sum)
		assert.Greater(t, l.own[0].Syscalls[numberOf("getppid")], uint32(10*(n-64)))
		unattributed, _, lost := h.probe.Lost()
		assert.Greater(t, unattributed, uint64(10*(n-64)))
		told := 0
		require.NoError(t, h.probe.News(func(CgroupNews) { told++ }))
		assert.Positive(t, lost)
		assert.GreaterOrEqual(t, told+int(lost), 2*n)
		assert.LessOrEqual(t, told+int(lost), 2*n+1000, "others make few cgroups at the same time")
	})
}

// demand compares what a cgroup counted with the workers that ran in it.
func (l *ledger) demand(t *testing.T, workers []*worker, want outcome) {
	t.Helper()
	both := &machine{}
	for _, w := range workers {
		for i, n := range w.machine.returned {
			both.returned[i] += n
		}
	}
	own := l.own[inodeOf(workers[0].dir)]
	require.NotNil(t, own)
	compare(t, both, want, own)
}

func (l *ledger) report(t *testing.T, took time.Duration, memory uint64) {
	t.Helper()
	system := uint64(0)
	for _, of := range l.own {
		for _, n := range of.Syscalls {
			system += uint64(n)
		}
	}
	t.Logf("%d calls, %d processes and %d cgroups in %.1f s; maps %.1f MB; %d ticks of %v each to read %d slots",
		4*callsEach, 4*processesEach, 2*cgroupsEach, took.Seconds(), float64(memory)/1e6, l.ticks,
		(l.read / time.Duration(l.ticks)).Round(time.Microsecond), len(l.before))
	assert.Greater(t, system, uint64(4*callsEach))
}
