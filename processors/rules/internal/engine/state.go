// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"

	"github.com/nodesec/nodesec/internal/entity"
)

// state is what is remembered of an entity: what its rules need and nothing else. Times are those of samples, in
// nanoseconds since the epoch.
type state struct {
	hash  uint64
	scope entity.Scope
	// seen is the time of the newest sample.
	seen int64
	// arrived is what time it was then, as all samples tell it.
	arrived int64
	// before and after are the entities that were seen before and after it.
	before, after *state

	prevs     []previous
	rings     []ring
	baselines []baseline
	peers     []int64 // when it last became part of the baselines of its group
	firsts    []first
	timers    []timer
	steps     []int64 // see sequence
	group     *group
}

func newState(hash uint64, scope entity.Scope, p *scopeProgram) *state {
	return &state{
		hash: hash, scope: scope,
		prevs: make([]previous, p.prevs), rings: make([]ring, p.rings), baselines: make([]baseline, p.baselines),
		peers: make([]int64, p.peers), firsts: make([]first, p.firsts), timers: make([]timer, p.timers),
		steps: make([]int64, p.steps),
	}
}

// previous is the last value of a feature.
type previous struct {
	value float64
	at    int64 // 0 for none
}

// next returns the value before v.
func (p *previous) next(v float64, at int64) float64 {
	before := math.NaN()
	if p.at != 0 && at > p.at {
		before = p.value
	}
	if at > p.at {
		p.value, p.at = v, at
	}
	return before
}

// latest returns v, or where that is missing the last value, unless that is older than the window. A part of a sample may
// come after parts of newer ones, so that the last value can be a little newer.
func (p *previous) latest(v float64, at, window int64) float64 {
	if v == v {
		if at >= p.at {
			p.value, p.at = v, at
		}
		return v
	}
	if p.at == 0 || max(at-p.at, p.at-at) > window {
		return math.NaN()
	}
	return p.value
}

// first is whether a feature has been more than zero.
type first struct {
	since int64 // when it was first measured, 0 before
	last  int64
	seen  bool
}

// next returns 1 if v is the first that is more than zero, NaN if it is but that can't be said yet, else 0. Before the
// second sample nothing can be said.
func (s *first) next(v float64, at, warmUp int64) float64 {
	if at <= s.last {
		return math.NaN()
	}
	s.last = at
	if s.since == 0 {
		s.since, s.seen = at, v > 0
		return math.NaN()
	}
	if s.seen || v <= 0 {
		return 0
	}
	s.seen = true
	if at-s.since < warmUp {
		return math.NaN()
	}
	return 1
}

// timer is how long a rule has held, for those that have `for` or `keep_firing_for`.
type timer struct {
	since  int64 // the first sample for which it held without a break, 0 for none
	held   int64 // the last sample for which it held
	firing bool
}

// next returns whether the rule fires, given whether its condition holds. A sample of which that can't be said neither
// begins nor ends anything, unless the last one for which it held is longer ago than `for`: then it begins anew.
func (t *timer) next(holds truth, at, wait, keep int64) bool {
	switch holds {
	case yes:
		if t.since == 0 {
			t.since = at
		}
		t.held = at
		t.firing = t.firing || at-t.since >= wait
		return t.firing
	case no:
		if t.kept(at, keep) {
			return true
		}
		t.since, t.firing = 0, false
		return false
	}
	if t.kept(at, keep) {
		return true
	}
	if at-t.held > wait {
		t.since, t.firing = 0, false
	}
	return false
}

func (t *timer) kept(at, keep int64) bool { return t.firing && keep > 0 && at-t.held <= keep }

// sequence looks for conditions that held one after the other, or at once, within a time. For each step it keeps the
// latest time at which the first condition of a sequence that came so far held, which is all that matters.
func sequence(steps []int64, conditions []*reason, f *frame, at, within int64) truth {
	result := no
	for i, c := range conditions {
		if i > 0 && (steps[i-1] == 0 || at-steps[i-1] > within) {
			continue // even if it holds, it does not complete anything
		}
		holds := c.holds(f)
		last := i == len(conditions)-1
		switch {
		case holds == unknown && last:
			result = unknown
		case holds == unknown && i == 0:
			result = max(result, unknown)
		case holds == yes && i == 0:
			steps[0] = at
		case holds == yes:
			steps[i] = max(steps[i], steps[i-1])
			if last {
				result = yes
			}
		}
	}
	return result
}

// derive computes what is made of the past, for a sample that has been put into the frame. Of a late one it is missing, all
// but the last value.
func (e *Engine) derive(s *state, p *scopeProgram, sample *Sample) {
	late := sample.Time < s.seen
	numbers := e.frame.numbers
	for i := range p.derived {
		d := &p.derived[i]
		if d.function == lastFunction {
			numbers[d.slot] = s.prevs[d.state].latest(numbers[d.of], sample.Time, int64(d.window))
			continue
		}
		if late {
			continue
		}
		if d.function == firstTextFunction {
			numbers[d.slot] = e.firstText(sample.Identity.Scope, d, sample.Time)
			continue
		}
		v := numbers[d.of]
		if v != v {
			continue
		}
		numbers[d.slot] = e.pastOf(s, d, v, sample)
	}
}

func (e *Engine) pastOf(s *state, d *derived, v float64, sample *Sample) float64 {
	at, window := sample.Time, int64(d.window)
	switch d.function {
	case prevFunction:
		return s.prevs[d.state].next(v, at)
	case rateFunction:
		length := sample.Windows[d.of]
		if length <= 0 && s.seen > 0 {
			length = float64(at-s.seen) / 1e9
		}
		if length > 0 {
			return v / length
		}
	case sumFunction, avgFunction, maxFunction:
		r := &s.rings[d.state]
		r.add(v, at, window/buckets, d.function == maxFunction)
		switch d.function {
		case sumFunction:
			return r.sum()
		case avgFunction:
			return r.average(at, window)
		}
		return r.maximum()
	case zscoreFunction:
		b := &s.baselines[d.state]
		if at <= b.last {
			return math.NaN()
		}
		score := b.score(v, at)
		b.add(v, at, float64(at-b.last), timeConstant)
		return score
	case peersFunction:
		return s.peerScore(d, v, at)
	case firstFunction:
		return s.firsts[d.state].next(v, at, window)
	}
	return math.NaN()
}

// peerScore compares with the group. Its members share the time among them.
func (s *state) peerScore(d *derived, v float64, at int64) float64 {
	last := s.peers[d.state]
	if s.group == nil || at <= last {
		return math.NaN()
	}
	s.peers[d.state] = at
	b := &s.group.baselines[d.state]
	score := b.score(v, at)
	elapsed := 0.0
	if last > 0 {
		elapsed = float64(at-last) / float64(s.group.members)
	}
	b.add(v, at, elapsed, peersTimeConstant)
	if s.group.members < minPeers {
		return math.NaN()
	}
	return score
}
