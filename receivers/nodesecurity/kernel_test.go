// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"iter"
	"slices"
	"time"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// kernel counts as the programs do, but what a test tells it to. It is for tests of what becomes of the counters; that
// the counters are right is tested with the real programs in internal/probe.
type kernel struct {
	slots    []probe.Slot // by number; those without a cgroup are free
	counters []probe.Counters
	distinct []probe.Distinct
	news     []probe.CgroupNews
	events   []probe.Event
	made     map[uint64]time.Time // by cgroup
	newsLost uint64
	lost     uint64
}

func newKernel(slots int) *kernel {
	k := &kernel{
		slots: make([]probe.Slot, slots), counters: make([]probe.Counters, slots), distinct: make([]probe.Distinct, slots),
		made: map[uint64]time.Time{},
	}
	for i := range k.slots {
		k.slots[i].Number = uint32(i)
	}
	return k
}

// in returns the counters of a cgroup, in a slot of its own from now on.
func (k *kernel) in(cgroup uint64) *probe.Counters {
	number := slices.IndexFunc(k.slots, func(s probe.Slot) bool { return s.Cgroup == cgroup })
	if number < 0 {
		number = 1 + slices.IndexFunc(k.slots[1:], func(s probe.Slot) bool { return s.Cgroup == 0 })
		k.slots[number].Cgroup = cgroup
	}
	return &k.counters[number]
}

// makes and removes tell the news of a cgroup.
func (k *kernel) makes(cgroup uint64, path string, at time.Duration) {
	k.news = append(k.news, probe.CgroupNews{Cgroup: cgroup, Path: path, Time: at})
}

func (k *kernel) removes(cgroup uint64) {
	k.news = append(k.news, probe.CgroupNews{Cgroup: cgroup, Removed: true})
}

func (k *kernel) BeginTick(time.Time, time.Duration) error { return nil }

func (k *kernel) News(take func(probe.CgroupNews)) error {
	for _, n := range k.news {
		take(n)
	}
	k.news = nil
	return nil
}

func (k *kernel) Events(limit int, take func(probe.Event)) error {
	n := min(limit, len(k.events))
	for _, e := range k.events[:n] {
		take(e)
	}
	k.events = k.events[n:]
	return nil
}

func (k *kernel) Slots() iter.Seq[probe.Slot] {
	return func(yield func(probe.Slot) bool) {
		for _, s := range slices.Clone(k.slots) {
			if s.Cgroup != 0 && !yield(s) {
				return
			}
		}
	}
}

func (k *kernel) Read(slot uint32, c *probe.Counters) error {
	*c = k.counters[slot]
	return nil
}

func (k *kernel) TakeDistinct(slot uint32, d *probe.Distinct) error {
	for kind := range d {
		for i, word := range k.distinct[slot][kind] {
			d[kind][i] |= word
		}
	}
	k.distinct[slot] = probe.Distinct{}
	return nil
}

func (k *kernel) SetMade(slot uint32, made time.Time) error {
	k.made[k.slots[slot].Cgroup] = made
	return nil
}

func (k *kernel) Release(s probe.Slot) error {
	k.slots[s.Number].Cgroup = 0
	return nil
}

func (k *kernel) Lost() (unattributed, events, cgroups uint64) { return k.lost, 0, k.newsLost }
func (k *kernel) Skipped() uint64                              { return 0 }
