// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"strings"

	"github.com/nodesec/nodesec/internal/entity"
)

// enter returns the state of the sample's entity, which becomes the one that was seen last.
func (e *Engine) enter(p *scopeProgram) *state {
	id := e.sample.Identity
	s := e.entities[id.Hash]
	if s == nil {
		e.expire()
		if len(e.entities) >= e.settings.MaxEntities {
			e.forget(e.oldest)
			e.Counts.Evicted++
		}
		s = newState(id.Hash, id.Scope, p)
		e.entities[id.Hash] = s
	} else {
		e.unlink(s)
		if s.seen-e.sample.Time > int64(e.settings.TTL) { // its clock was set back
			e.leaveGroup(s)
			*s = *newState(id.Hash, id.Scope, p)
		}
	}
	s.arrived = e.clock.now
	s.before = e.newest
	if e.newest != nil {
		e.newest.after = s
	} else {
		e.oldest = s
	}
	e.newest = s
	if p.peers > 0 {
		e.joinGroup(s, p)
	}
	return s
}

func (e *Engine) unlink(s *state) {
	if s.before != nil {
		s.before.after = s.after
	} else {
		e.oldest = s.after
	}
	if s.after != nil {
		s.after.before = s.before
	} else {
		e.newest = s.before
	}
	s.before, s.after = nil, nil
}

// clock is the time, as samples tell it.
type clock struct {
	now int64
	// ahead is how many samples in a row were too far ahead.
	ahead int
}

// tell takes notice of the time of a sample. One that is ahead by more than the TTL counts only when more than half as many
// in a row are as there are entities: a sender whose clock is wrong must not make all others forgotten.
func (e *Engine) tell(at int64) {
	c := &e.clock
	if c.now > 0 && at-c.now > int64(e.settings.TTL) {
		if c.ahead++; c.ahead <= len(e.entities)/2 {
			return
		}
	}
	for s := e.newest; s != nil && c.ahead > 0; s = s.before {
		if s.seen-c.now > int64(e.settings.TTL) {
			s.arrived = at // it was right
		}
		c.ahead--
	}
	c.now, c.ahead = max(c.now, at), 0
}

// Expire forgets the entities that have not been seen for long, as of the time that samples tell.
// They are in the order in which they were seen, so that this costs nothing if there are none.
func (e *Engine) Expire() { e.expire() }

func (e *Engine) expire() {
	for e.oldest != nil && e.clock.now-e.oldest.arrived > int64(e.settings.TTL) {
		e.forget(e.oldest)
		e.Counts.Expired++
	}
}

func (e *Engine) forget(s *state) {
	e.unlink(s)
	delete(e.entities, s.hash)
	e.leaveGroup(s)
}

// joinGroup makes the entity a member of the group of its workload on its node.
func (e *Engine) joinGroup(s *state, p *scopeProgram) {
	key := e.groupKey(e.sample.Identity)
	if s.group != nil && s.group.key == key || s.group == nil && key == 0 {
		return
	}
	e.leaveGroup(s)
	if key == 0 {
		return
	}
	g := e.groups[key]
	if g == nil {
		g = &group{key: key, baselines: make([]baseline, p.peers)}
		e.groups[key] = g
	}
	g.members++
	s.group = g
	clear(s.peers)
}

func (e *Engine) leaveGroup(s *state) {
	if s.group == nil {
		return
	}
	if s.group.members--; s.group.members == 0 {
		delete(e.groups, s.group.key)
	}
	s.group = nil
}

// groupKey tells the workloads of nodes apart, 0 for an entity without a workload. Containers of different names in the
// same pod are no peers.
func (e *Engine) groupKey(id *entity.Identity) uint64 {
	if id.Workload == "" {
		return 0
	}
	h := &e.digest
	h.Reset()
	for _, part := range [...]string{
		id.Scope.String(), id.Cluster, id.Node, id.Namespace, id.WorkloadKind, id.Workload, id.Container, id.Executable,
	} {
		_, _ = h.WriteString(part)
		_, _ = h.WriteString("\x00")
	}
	return max(h.Sum64(), 1)
}

// textKey is a text in conditions about entities of a scope.
type textKey struct {
	scope entity.Scope
	name  string
}

// seenTexts are the values of a text that were seen.
type seenTexts struct {
	since int64
	known map[string]int64 // when it was first seen
}

// firstText returns 1 if the text's value has never been seen of any entity of the scope, 0 if it has, NaN if that can't be
// said: in the beginning, and when there are too many values.
func (e *Engine) firstText(scope entity.Scope, d *derived, at int64) float64 {
	value := e.frame.texts[d.of]
	if value == "" {
		return math.NaN()
	}
	key := textKey{scope, d.name}
	seen := e.texts[key]
	if seen == nil {
		seen = &seenTexts{since: at, known: map[string]int64{}}
		e.texts[key] = seen
	}
	warmUp := int64(d.window)
	if warmUp == 0 {
		warmUp = int64(textWarmUp)
	}
	when, known := seen.known[value]
	switch {
	case !known && len(seen.known) >= maxTexts:
		return math.NaN()
	case !known:
		seen.known[strings.Clone(value)] = at
	case when != at:
		return 0
	}
	if at-seen.since < warmUp {
		return math.NaN()
	}
	return 1
}
