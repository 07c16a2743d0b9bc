// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/binary"
	"time"
	"unsafe"
)

// EventKind says what an event is.
type EventKind = bpfEventKind

// The events with text.
const (
	EventFirstExec  = bpfEventKindEVENT_FIRST_EXEC  // text: the path as it was given
	EventModuleLoad = bpfEventKindEVENT_MODULE_LOAD // text: the module's name
	EventBPFLoad    = bpfEventKindEVENT_BPF_LOAD    // text: the program's name
)

// Event is something rare that has a text.
type Event struct {
	// Time since boot.
	Time   time.Duration
	Cgroup uint64
	Kind   EventKind
	PID    int
	// Command is the name of the task (comm), Text what the event is about. Both come from the task and may hold anything.
	Command, Text string
}

// CgroupNews is a cgroup that was made or removed.
type CgroupNews struct {
	// Time since boot.
	Time   time.Duration
	Cgroup uint64
	// Removed tells which. Only one that was made has a path, below its hierarchy's root.
	Removed bool
	Path    string
}

// Events calls take with the events since the previous call, at most limit of them; what is left stays for the next.
func (p *Probe) Events(limit int, take func(Event)) error {
	return p.drain(p.events, limit, func(sample []byte) {
		if e, ok := decodeEvent(sample); ok {
			take(e)
		}
	})
}

// News calls take with the news of cgroups since the previous call.
func (p *Probe) News(take func(CgroupNews)) error {
	return p.drain(p.news, newsBytes/int(unsafe.Sizeof(bpfCgroupNews{})), func(sample []byte) {
		if n, ok := decodeNews(sample); ok {
			take(n)
		}
	})
}

// decodeEvent decodes a struct event of bpf/shared.h; false if the sample is too short to be one.
func decodeEvent(sample []byte) (e Event, ok bool) {
	var layout bpfEvent
	if len(sample) < int(unsafe.Sizeof(layout)) {
		return e, false
	}
	order := binary.NativeEndian
	return Event{
		Time:    time.Duration(order.Uint64(sample[unsafe.Offsetof(layout.Time):])),
		Cgroup:  order.Uint64(sample[unsafe.Offsetof(layout.Cgroup):]),
		Kind:    EventKind(order.Uint32(sample[unsafe.Offsetof(layout.Kind):])),
		PID:     int(order.Uint32(sample[unsafe.Offsetof(layout.Pid):])),
		Command: text(sample[unsafe.Offsetof(layout.Comm):][:len(layout.Comm)]),
		Text:    text(sample[unsafe.Offsetof(layout.Text):][:len(layout.Text)]),
	}, true
}

// decodeNews decodes a struct cgroup_made or cgroup_news of bpf/shared.h; false if the sample is too short.
func decodeNews(sample []byte) (n CgroupNews, ok bool) {
	var layout bpfCgroupMade
	if len(sample) < int(unsafe.Sizeof(layout.News)) {
		return n, false
	}
	order := binary.NativeEndian
	n = CgroupNews{
		Time:    time.Duration(order.Uint64(sample[unsafe.Offsetof(layout.News.Time):])),
		Cgroup:  order.Uint64(sample[unsafe.Offsetof(layout.News.Cgroup):]),
		Removed: order.Uint32(sample[unsafe.Offsetof(layout.News.Kind):]) == uint32(bpfCgroupNewsKindCGROUP_REMOVED),
	}
	if n.Removed {
		return n, true
	}
	if len(sample) < int(unsafe.Sizeof(layout)) {
		return n, false
	}
	n.Path = text(sample[unsafe.Offsetof(layout.Path):][:len(layout.Path)])
	return n, true
}

// text is the string in a C array of characters.
func text(array []byte) string {
	if end := bytes.IndexByte(array, 0); end >= 0 {
		array = array[:end]
	}
	return string(array)
}
