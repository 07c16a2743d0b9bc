// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

const noFile = -1

// gate is the file that tells whether a process did something since the previous tick, kept open because looking up its
// path costs more than reading it.
//
// Of a process with a single thread it is schedstat, which the kernel writes four times as fast as stat: as long as the
// thread did not come to run, nothing that the process counts can have changed. Only what others do to it goes unseen
// until it runs again: pages reclaimed, a new parent, a wake-up that has not led to a run. schedstat tells nothing of
// other threads, so the gate of a process with several is stat.
type gate struct {
	fd     int  // noFile if not open
	single bool // the file is schedstat
	// text is schedstat as it was before stat was last read, so that what the process does from then on shows; three
	// numbers of at most 20 digits each. Empty if unknown.
	text   [64]byte
	length int
}

// isClosed says that the single thread of the process has not run since its stat was read. What an error is about shows
// when stat is read.
func (t *processTable) isClosed(p *process) bool {
	if !p.gate.single {
		return false
	}
	data, err := t.dir.Reread(p.gate.fd)
	if err != nil {
		return false
	}
	if p.gate.length > 0 && bytes.Equal(data, p.gate.text[:p.gate.length]) {
		return true
	}
	p.gate.length = 0
	// Kernels that keep no such statistics show zeros (fs/proc/base.c, proc_pid_schedstat).
	if len(data) <= len(p.gate.text) && string(data) != "0 0 0\n" {
		p.gate.length = copy(p.gate.text[:], data)
	}
	return false
}

// setGate makes sure that the process whose stat was just read has the right gate.
func (t *processTable) setGate(p *process) {
	if single := p.stat.Threads == 1; p.gate.fd != noFile && p.gate.single != single {
		t.closeGate(p)
	}
	if p.gate.fd != noFile {
		return
	}
	if p.stat.Threads != 1 || !t.openGate(p, "schedstat") {
		t.openGate(p, "stat")
	}
}

// openGate opens the file unless too many are open. A process without a gate has its stat read by path.
func (t *processTable) openGate(p *process, file string) bool {
	if t.gates == 0 {
		return false
	}
	fd, err := t.dir.Open(p.pid, file)
	if err != nil {
		return false
	}
	t.gates--
	p.gate = gate{fd: fd, single: file == "schedstat"}
	return true
}

func (t *processTable) closeGate(p *process) {
	if p.gate.fd != noFile {
		_ = unix.Close(p.gate.fd)
		t.gates++
	}
	p.gate = gate{fd: noFile}
}

// readStat reads stat of a process into t.stat.
func (t *processTable) readStat(p *process) error {
	if p.gate.fd != noFile && !p.gate.single {
		if data, err := t.dir.Reread(p.gate.fd); err == nil {
			return t.stat.Parse(data)
		}
		t.closeGate(p) // gone; but its ID may be another's by now
	}
	data, err := t.dir.ReadFile(p.pid, "stat")
	if err != nil {
		return err
	}
	return t.stat.Parse(data)
}

// takeSchedstat takes the run-queue delay of the main thread.
func (t *processTable) takeSchedstat(p *process) (err error) {
	var data []byte
	if p.gate.single {
		data, err = t.dir.Reread(p.gate.fd)
	} else {
		data, err = t.dir.ReadFile(p.pid, "schedstat")
	}
	var s procfs.PIDSchedstat
	if err == nil {
		err = s.Parse(data)
	}
	if err != nil || s.Slices == 0 {
		p.missing |= sourceProcessSchedstat
		p.uncount(processRunDelay, processRunDelay)
		return err
	}
	p.count(processRunDelay, s.RunDelay)
	return nil
}
