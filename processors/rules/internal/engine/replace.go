// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/nodesec/nodesec/internal/entity"

// Replace evaluates another program from now on. What is remembered of entities stays, as far as both programs use the same
// functions of the same features, and the same conditions of the same rules.
func (e *Engine) Replace(p *Program) {
	var moves [int(entity.Other) + 1]move
	for scope := range moves {
		moves[scope] = newMove(&e.program.scopes[scope], &p.scopes[scope])
	}
	groups := map[*group]bool{}
	for hash, old := range e.entities {
		m := &moves[old.scope]
		s := m.apply(old, &p.scopes[old.scope])
		if g := s.group; g != nil && !groups[g] {
			groups[g] = true
			g.baselines = moved(make([]baseline, p.scopes[old.scope].peers), g.baselines, m.peers)
		}
		e.entities[hash] = s
		if s.before != nil {
			s.before.after = s
		} else {
			e.oldest = s
		}
		if s.after != nil {
			s.after.before = s
		} else {
			e.newest = s
		}
	}
	e.use(p)
}

// move tells where the parts of an entity's state go. Keys are places in the old state, values in the new one.
type move struct {
	prevs, rings, baselines, peers, firsts, timers, steps map[int32]int32
}

func newMove(from, to *scopeProgram) move {
	m := move{
		prevs: map[int32]int32{}, rings: map[int32]int32{}, baselines: map[int32]int32{}, peers: map[int32]int32{},
		firsts: map[int32]int32{}, timers: map[int32]int32{}, steps: map[int32]int32{},
	}
	for _, old := range from.derived {
		for _, made := range to.derived {
			if places := m.of(old.function); places != nil && old.name == made.name {
				places[old.state] = made.state
			}
		}
	}
	for _, old := range from.rules {
		for _, made := range to.rules {
			if old.Name != made.Name || old.fingerprint != made.fingerprint {
				continue
			}
			if old.timer >= 0 && made.timer >= 0 {
				m.timers[old.timer] = made.timer
			}
			for i := range int32(len(made.sequence)) {
				m.steps[old.steps+i] = made.steps + i
			}
		}
	}
	return m
}

func (m *move) of(f function) map[int32]int32 {
	switch f {
	case prevFunction, lastFunction:
		return m.prevs
	case sumFunction, avgFunction, maxFunction:
		return m.rings
	case zscoreFunction:
		return m.baselines
	case peersFunction:
		return m.peers
	case firstFunction:
		return m.firsts
	}
	return nil
}

// apply makes the new state of an entity, in the place of the old one.
func (m *move) apply(old *state, p *scopeProgram) *state {
	s := newState(old.hash, old.scope, p)
	s.seen, s.arrived, s.before, s.after, s.group = old.seen, old.arrived, old.before, old.after, old.group
	s.prevs = moved(s.prevs, old.prevs, m.prevs)
	s.rings = moved(s.rings, old.rings, m.rings)
	s.baselines = moved(s.baselines, old.baselines, m.baselines)
	s.peers = moved(s.peers, old.peers, m.peers)
	s.firsts = moved(s.firsts, old.firsts, m.firsts)
	s.timers = moved(s.timers, old.timers, m.timers)
	s.steps = moved(s.steps, old.steps, m.steps)
	return s
}

func moved[T any](to, from []T, places map[int32]int32) []T {
	for old, place := range places {
		if int(old) < len(from) {
			to[place] = from[old]
		}
	}
	return to
}
