// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf/link"
)

// load is what counts while something else is measured.
type load struct {
	name  string
	start func(context.Context) (stop func() error, err error)
}

// The places of loads in the list.
const (
	loadNothing = iota
	loadFloor
	loadOurs
)

func nothing() load {
	return load{"nothing", func(context.Context) (func() error, error) { return func() error { return nil }, nil }}
}

func ours(name string, s setting) load {
	return load{name, func(ctx context.Context) (func() error, error) {
		r, err := startReceiver(ctx, s)
		if err != nil {
			return nil, err
		}
		return r.stop, nil
	}}
}

// loads are all there are: nothing, the floor, ours by each kind of cgroup hierarchy, and the tracers that work here. What
// is left out is told.
func (m *measuring) loads(ctx context.Context, tracepoints []string) (list []load, skipped []string) {
	list = []load{
		nothing(),
		{"empty programs on our tracepoints", func(context.Context) (func() error, error) { return attachEmpty(tracepoints) }},
	}
	if exists(cgroups + "/cgroup.controllers") {
		list = append(list, ours("nodesecurity, by cgroup v2", setting{Config: counting()}))
	} else {
		list = append(list, ours("nodesecurity, by cgroup v1", setting{Config: counting()}))
	}
	if exists(unified + "/cgroup.controllers") {
		list = append(list, ours("nodesecurity, by cgroup v2", setting{Config: counting(), Unified: true}))
	}
	bpftrace, syscount := tracers()
	for _, t := range []tracer{bpftrace, syscount} {
		stop, err := t.start(ctx)
		if err != nil {
			skipped = append(skipped, err.Error())
			m.log.Warn("left out", "tracer", t.program, "error", err)
			continue
		}
		_ = stop() // always nil
		list = append(list, load{t.program, t.start})
	}
	return list, skipped
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var errOthersCount = errors.New("others count system calls on this machine: stop their programs (bpftool link)")

// settled is how long the kernel may take to free what was attached.
const settled = 300 * time.Millisecond

// under does something while the load counts.
func (m *measuring) under(ctx context.Context, l load, do func() error) error {
	if err := m.waitForOthers(ctx); err != nil {
		return err
	}
	stop, err := l.start(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	failed := do()
	if err := stop(); err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	select {
	case <-time.After(settled):
	case <-ctx.Done():
		return ctx.Err()
	}
	return failed
}

// patience is how long is waited for others.
const patience = 5 * time.Minute

// waitForOthers waits while somebody else's programs look at system calls, because no call is free then.
func (m *measuring) waitForOthers(ctx context.Context) error {
	for started := time.Now(); othersCount(); {
		if time.Since(started) > patience {
			return errOthersCount
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func othersCount() bool {
	links := new(link.Iterator)
	defer links.Close()
	for links.Next() {
		info, err := links.Link.Info()
		if err != nil {
			continue
		}
		if raw := info.RawTracepoint(); raw != nil && (raw.Name == "sys_exit" || raw.Name == "sys_enter") {
			return true
		}
	}
	return false
}
