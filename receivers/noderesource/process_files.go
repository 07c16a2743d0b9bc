// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

func (t *processTable) takeStatus(p *process) error {
	previous := p.status.UID
	data, err := t.dir.ReadFile(p.pid, "status")
	if err == nil {
		err = p.status.Parse(data)
	}
	if err != nil {
		p.status = procfs.PIDStatus{UID: previous}
		p.uncount(processVoluntary, processInvoluntary)
		return err
	}
	if p.status.UID != previous {
		p.profile.built = false
	}
	p.countKnown(processVoluntary, p.status.Voluntary)
	p.countKnown(processInvoluntary, p.status.Involuntary)
	return nil
}

func (p *process) countKnown(i int, n procfs.Number) {
	if n.Known {
		p.count(i, n.Value)
	} else {
		p.uncount(i, i)
	}
}

func (t *processTable) takeIO(p *process) error {
	var io procfs.PIDIO
	data, err := t.dir.ReadFile(p.pid, "io")
	if err == nil {
		err = io.Parse(data)
	}
	if err != nil {
		p.uncount(processReadChars, processWrittenBytes)
		return err
	}
	p.count(processReadChars, io.ReadChars)
	p.count(processWrittenChars, io.WrittenChars)
	p.count(processReadCalls, io.ReadCalls)
	p.count(processWriteCalls, io.WriteCalls)
	p.count(processReadBytes, io.ReadBytes)
	p.count(processWrittenBytes, io.WrittenBytes)
	return nil
}

func (t *processTable) takeFileDescriptors(p *process) error {
	count, err := t.dir.CountFDs(p.pid)
	if err != nil {
		p.fileDescriptors = procfs.Number{}
		return err
	}
	p.fileDescriptors = procfs.Number{Value: count, Known: true}
	return nil
}

// takeCgroup takes the cgroup of the process. It keeps the one it had if that can not be read.
func (t *processTable) takeCgroup(p *process) error {
	if t.hierarchy == nil {
		return nil
	}
	data, err := t.dir.ReadFile(p.pid, "cgroup")
	if err != nil {
		return err
	}
	path, ok := t.hierarchy.PathOf(data)
	if !ok {
		p.missing |= sourceProcessCgroup
		return nil
	}
	if g := t.groupAt(path); g != p.group {
		p.group, p.profile.built = g, false
	}
	return nil
}

// groupAt returns the group of the processes in a cgroup.
func (t *processTable) groupAt(path []byte) *processGroup {
	if g := t.groups[string(path)]; g != nil {
		return g
	}
	key := string(path)
	g := &processGroup{identity: cgroup.Identify(key)}
	t.groups[key] = g
	return g
}

// freshen reads stat of a process that has not run since it was last read, but whose memory others may have taken. It
// says whether the process still is there.
func (t *processTable) freshen(e *emitter, p *process) bool {
	if err := t.readStat(p); err != nil || t.stat.StartTime != p.stat.StartTime {
		e.vanished++
		return false
	}
	p.takeStat(&t.stat)
	return true
}
