// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"iter"
	"time"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// counting is where the counters come from: the loaded BPF programs.
type counting interface {
	BeginTick(wall time.Time, boot time.Duration) error
	News(take func(probe.CgroupNews)) error
	Events(limit int, take func(probe.Event)) error
	Slots() iter.Seq[probe.Slot]
	Read(slot uint32, c *probe.Counters) error
	TakeDistinct(slot uint32, d *probe.Distinct) error
	SetMade(slot uint32, made time.Time) error
	Release(s probe.Slot) error
	Lost() (unattributed, events, cgroups uint64)
	Skipped() uint64
}

// attribution turns the counters of cgroups into the activity of containers.
//
// A cgroup is known by its ID. Which container it is part of is told by the tree of directories while it is there, and
// remembered until its last counts are read. One that came and went between two ticks is known by the news of its making
// alone, which has its path.
type attribution struct {
	source counting
	tree   *cgroup.Tree
	names  *names

	// owners are the containers of the cgroups that are there now.
	owners map[uint64]*cgroup.Container
	// made are the cgroups of which there was news, until their slots are released.
	made map[uint64]madeCgroup
	// removed are those of which there was news that they are gone.
	removed map[uint64]bool
	// gone are containers that are known by the paths of their cgroups alone.
	gone map[string]*cgroup.Container
	// slots by number.
	slots []*slot
	// entities are the containers that have had a sample.
	entities map[*cgroup.Container]*entity
	outside  *entity
	node     *entity

	started, listed time.Duration // when counting began, and when containers were listed last
	newsLost        uint64
	now             probe.Counters
	delta           activity
}

type madeCgroup struct {
	path string
	at   time.Duration
}

// slot is what is remembered of a slot. Its counters go on when another cgroup takes it over.
type slot struct {
	cgroup uint64
	owner  *cgroup.Container
	known  bool // whether the owner is: nil may mean that it is in no container
	before probe.Counters
}

func newAttribution(source counting, tree *cgroup.Tree, n *names, started time.Duration) *attribution {
	return &attribution{
		source: source, tree: tree, names: n, started: started, listed: started,
		owners: map[uint64]*cgroup.Container{}, made: map[uint64]madeCgroup{}, removed: map[uint64]bool{},
		gone: map[string]*cgroup.Container{}, entities: map[*cgroup.Container]*entity{},
		outside: &entity{resource: n.outside(), begun: started},
		node:    &entity{resource: n.builder().Emit(), begun: started},
	}
}

// refresh reads all that was counted since the previous call into the entities.
func (a *attribution) refresh(now time.Duration) error {
	if err := a.source.News(a.hear); err != nil {
		return err
	}
	if a.tree != nil {
		if err := a.tree.Refresh(); err != nil {
			return err
		}
	}
	a.list(now)
	a.clear()
	var failed error
	for s := range a.source.Slots() {
		if err := a.read(s); err != nil {
			failed = err
		}
	}
	// What happened in cgroups without a slot of their own is the node's alone.
	if err := a.readSlot(0, a.slot(0)); err != nil {
		failed = err
	}
	a.node.add(&a.delta)
	a.listed = now
	return failed
}

func (a *attribution) hear(n probe.CgroupNews) {
	if n.Removed {
		a.removed[n.Cgroup] = true
		return
	}
	a.made[n.Cgroup] = madeCgroup{n.Path, n.Time}
}

// list makes the acquaintance of the containers that are there now.
func (a *attribution) list(now time.Duration) {
	clear(a.owners)
	if a.tree == nil {
		return
	}
	a.tree.Owners(func(inode uint64, owner *cgroup.Container) { a.owners[inode] = owner })
	for _, c := range a.tree.Containers() {
		if a.entities[c] == nil {
			a.entities[c] = &entity{container: c, resource: a.names.container(c), begun: a.birth(c, now)}
		}
	}
}

// birth is when counting for a container began: when it was made, as far as that is known, else at the previous tick.
func (a *attribution) birth(c *cgroup.Container, now time.Duration) time.Duration {
	if made, known := a.made[c.Inode]; known {
		return made.at
	}
	if !c.Fresh {
		return a.started
	}
	return min(a.listed, now)
}

func (a *attribution) clear() {
	for _, e := range a.entities {
		e.activity, e.active = activity{}, false
	}
	a.outside.activity, a.node.activity = activity{}, activity{}
}

// read adds what a cgroup counted to its container and to the node.
func (a *attribution) read(of probe.Slot) error {
	s := a.slot(int(of.Number))
	if s.cgroup != of.Cgroup {
		s.cgroup, s.owner, s.known = of.Cgroup, nil, false
	}
	a.attribute(s, of)
	if err := a.readSlot(of.Number, s); err != nil {
		return err
	}
	e := a.outside
	if s.owner != nil {
		e = a.entity(s.owner, of)
	}
	e.add(&a.delta)
	a.node.add(&a.delta)
	return nil
}

// readSlot sets delta to what the slot counted since it was read last.
func (a *attribution) readSlot(number uint32, s *slot) error {
	a.delta.distinct = probe.Distinct{}
	if err := a.source.TakeDistinct(number, &a.delta.distinct); err != nil {
		return err
	}
	if err := a.source.Read(number, &a.now); err != nil {
		return err
	}
	a.delta.counters.Since(&a.now, &s.before)
	s.before = a.now
	return nil
}

// attribute finds the container that the slot's cgroup is part of.
func (a *attribution) attribute(s *slot, of probe.Slot) {
	if owner, there := a.owners[of.Cgroup]; there {
		if !s.known && owner != nil && of.Made == 0 && of.Cgroup == owner.Inode {
			_ = a.source.SetMade(of.Number, owner.Made) // without it, executables that were written later are not told
		}
		s.owner, s.known = owner, true
		return
	}
	if s.known || a.tree == nil {
		return
	}
	made, heard := a.made[of.Cgroup]
	if !heard {
		return
	}
	owner := a.tree.Gone(made.path)
	if owner != nil {
		if first := a.gone[owner.Path]; first != nil && a.entities[owner] == nil {
			owner = first
		}
		a.gone[owner.Path] = owner
	}
	s.owner, s.known = owner, true
}

func (a *attribution) entity(c *cgroup.Container, of probe.Slot) *entity {
	e := a.entities[c]
	if e == nil {
		e = &entity{container: c, resource: a.names.container(c), begun: of.Born, byNews: true}
		if made, known := a.made[of.Cgroup]; known {
			e.begun = made.at
		}
		a.entities[c] = e
	}
	return e
}

func (a *attribution) slot(number int) *slot {
	for len(a.slots) <= number {
		a.slots = append(a.slots, nil)
	}
	if a.slots[number] == nil {
		a.slots[number] = &slot{}
	}
	return a.slots[number]
}

func (e *entity) add(delta *activity) {
	e.active = true
	e.activity.counters.Add(&delta.counters)
	for kind := range delta.distinct {
		for i, word := range delta.distinct[kind] {
			e.activity.distinct[kind][i] |= word
		}
	}
}

// forget releases the slots of cgroups that are gone, and drops the containers that are, once their last sample is
// written.
func (a *attribution) forget(alive func(cgroup uint64) bool) error {
	_, _, newsLost := a.source.Lost()
	lost := newsLost != a.newsLost
	a.newsLost = newsLost
	var failed error
	for s := range a.source.Slots() {
		_, there := a.owners[s.Cgroup]
		if !a.removed[s.Cgroup] && (there || !lost || alive(s.Cgroup)) {
			continue
		}
		if err := a.source.Release(s); err != nil {
			failed = err
		}
		delete(a.made, s.Cgroup)
	}
	for id := range a.removed {
		delete(a.made, id)
	}
	clear(a.removed)
	clear(a.gone)
	there := make(map[*cgroup.Container]bool, len(a.entities))
	for _, owner := range a.owners {
		there[owner] = true
	}
	for c := range a.entities {
		if !there[c] {
			delete(a.entities, c)
		}
	}
	return failed
}
