// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/receivers/internal/counter"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// The counters of a process.
const (
	processUserTime = iota
	processSystemTime
	processMinorFaults
	processMajorFaults
	processVoluntary
	processInvoluntary
	processReadChars
	processWrittenChars
	processReadCalls
	processWriteCalls
	processReadBytes
	processWrittenBytes
	processRunDelay
	processCounters // how many there are
)

// process is what the table knows of a process.
type process struct {
	life life
	pid  int
	gate gate

	// When the process was looked at, in which tick and walk, and whether it had run since the time before.
	read time.Duration
	tick time.Time
	walk int
	ran  bool
	// active says that it did something that shows in its counters, or was born, since the time before.
	active bool
	// chosen says that there is to be a sample of it.
	chosen bool

	stat            procfs.PIDStat // Comm is not valid
	comm            string
	status          procfs.PIDStatus
	fileDescriptors procfs.Number
	group           *processGroup // nil if its cgroup is unknown
	missing         source

	counters [processCounters]processCounter
	growth   counter.Set

	profile profile
}

// processCounter is a counter as of when the process last ran.
type processCounter struct {
	value, growth uint64
	known, grown  bool // whether value and growth are known
}

// profile is what the samples of a process tell apart from numbers. It is read when it is first needed and after each
// exec.
type profile struct {
	read        bool
	path        string // empty if unknown
	commandLine string
	matched     bool   // one of the filters names it
	missing     source // of what could not be read

	resource pcommon.Resource
	built    bool // resource is up to date
}

// mayHaveCounted says that files other than stat may tell news since stat was last taken. That is so if a process of one
// thread passed its gate. Of others it takes CPU time, faults or threads, so that what they do in less than a tick of
// their CPU clock shows later; and kernel threads do so little besides that it is not worth the reading.
func (p *process) mayHaveCounted(now *procfs.PIDStat) bool {
	was := &p.stat
	return p.gate.single && !now.IsKernelThread() ||
		now.UTime != was.UTime || now.STime != was.STime || now.MinorFaults != was.MinorFaults ||
		now.MajorFaults != was.MajorFaults || now.Threads != was.Threads || now.StackStart != was.StackStart
}

// takeStat takes over what stat tells, and notices an exec: it gives a process another name or another stack.
func (p *process) takeStat(now *procfs.PIDStat) {
	named := p.comm == string(now.Comm) || p.comm != "" && now.IsKernelThread() // a worker's name tells its work of the moment
	if !named {
		p.comm = string(now.Comm)
	}
	if !named || now.StackStart != p.stat.StackStart {
		p.profile.read = false
	}
	if now.PPID != p.stat.PPID {
		p.profile.built = false
	}
	p.stat = *now
	p.stat.Comm = nil
}

// read reads all files of a process that ran and whose stat was just read. Its error means that the process vanished.
func (t *processTable) read(e *emitter, p *process) error {
	threads, missed := p.stat.Threads, p.missing
	p.takeStat(&t.stat)
	t.setGate(p)
	p.missing = 0
	p.count(processUserTime, p.stat.UTime)
	p.count(processSystemTime, p.stat.STime)
	p.count(processMinorFaults, p.stat.MinorFaults)
	p.count(processMajorFaults, p.stat.MajorFaults)

	suspect := false
	for _, file := range [...]struct {
		source source
		err    error
	}{
		{sourceProcessSchedstat, t.takeSchedstat(p)}, {sourceProcessStatus, t.takeStatus(p)}, {sourceProcessIO, t.takeIO(p)},
		{sourceProcessFD, t.takeFileDescriptors(p)}, {sourceProcessCgroup, t.takeCgroup(p)},
	} {
		if file.err == nil {
			continue
		}
		p.missing |= file.source
		if missed&file.source == 0 { // what the kernel refuses it goes on refusing
			e.readErrors++
		}
		suspect = suspect || procfs.IsGone(file.err)
	}
	if suspect { // gone, or a kernel without this file
		if _, err := t.dir.ReadFile(p.pid, "stat"); procfs.IsGone(err) {
			return err
		}
	}
	p.active = p.growth.Newborn || p.hasGrown() || threads != 0 && threads != p.stat.Threads
	p.growth.Newborn = false
	return nil
}

// count takes the value that counter i has now.
func (p *process) count(i int, value uint64) {
	growth, ok := p.growth.Update(i, value)
	if !ok {
		growth = 0
	}
	p.counters[i] = processCounter{value: value, growth: growth, known: true, grown: ok}
}

// uncount says that the counters from first to last are unknown.
func (p *process) uncount(first, last int) {
	clear(p.counters[first : last+1])
}

// hasGrown says that a counter grew, waiting and context switches apart: a thread that wakes up now and then only to
// find nothing to do is idle.
func (p *process) hasGrown() bool {
	for i := range p.counters {
		switch i {
		case processVoluntary, processInvoluntary, processRunDelay:
		default:
			if p.counters[i].growth > 0 {
				return true
			}
		}
	}
	return false
}

// sum is what a sample tells of counter i; not ok if that is unknown. A process that did not run counted nothing.
func (p *process) sum(i int) (value uint64, ok bool) {
	c := &p.counters[i]
	switch {
	case !c.known:
		return 0, false
	case p.life.counters.Temporality == counter.Cumulative:
		return c.value, true
	case !p.ran:
		return 0, true
	}
	return c.growth, c.grown
}

// grew is what counter i grew by in this tick, as far as it is known.
func (p *process) grew(i int) uint64 {
	if !p.ran {
		return 0
	}
	return p.counters[i].growth
}

// stateOf is the state that a letter of stat stands for; not ok for letters of other kernels.
func stateOf(letter byte) (state metadata.AttributeProcessState, ok bool) {
	switch letter {
	case 'R':
		return metadata.AttributeProcessStateRunning, true
	case 'S':
		return metadata.AttributeProcessStateSleeping, true
	case 'D':
		return metadata.AttributeProcessStateBlocked, true
	case 'T', 't':
		return metadata.AttributeProcessStateStopped, true
	case 'Z', 'X', 'x':
		return metadata.AttributeProcessStateDefunct, true
	case 'I':
		return metadata.AttributeProcessStateIdle, true
	}
	return 0, false
}
