// SPDX-License-Identifier: Apache-2.0

package detections

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Why an alert ends.
const (
	reasonCleared = "cleared"
	reasonGone    = "gone"
	reasonFull    = "full"
)

// alert is a rule that fires of an entity, from its start to its end. Times are those of samples.
type alert struct {
	firing
	entity      uint64
	start, last pcommon.Timestamp
	samples     int64
	// resource tells of which entity it is, when it started.
	resource pcommon.Map
}

// watched is an entity that has alerts.
type watched struct {
	seen   pcommon.Timestamp
	alerts map[string]*alert // by rule
}

// alerts keeps the alerts that have started and not ended, and says when they start and end. It knows no clock: time
// passes with the samples.
type alerts struct {
	hold, ttl time.Duration
	limit     int
	entities  map[uint64]*watched
	active    int
	// newest is the time of the newest sample, swept that at which all entities were looked at last.
	newest, swept pcommon.Timestamp
	// ahead is how many samples in a row were further from newest than ttl.
	ahead int

	started func(*alert)
	ended   func(a *alert, at pcommon.Timestamp, reason string)
}

// see takes notice of a sample and of the rules that fire at it. resource is called for the attributes of an alert that
// starts.
func (s *alerts) see(entity uint64, at pcommon.Timestamp, fired []firing, resource func() pcommon.Map) {
	s.advance(at)
	w := s.entities[entity]
	if w == nil {
		if len(fired) == 0 {
			return
		}
		w = &watched{alerts: map[string]*alert{}}
		s.entities[entity] = w
	}
	if s.after(w.seen, at) > s.ttl { // its clock was set back
		w.seen = at
		for _, a := range w.alerts {
			a.last = min(a.last, at)
		}
	}
	w.seen = max(w.seen, at)
	for i := range fired {
		s.fire(w, entity, at, &fired[i], resource)
	}
	for _, rule := range slices.Sorted(maps.Keys(w.alerts)) {
		if a := w.alerts[rule]; a.last < w.seen && s.after(w.seen, a.last) > s.hold {
			s.end(w, a, w.seen, reasonCleared)
		}
	}
}

// advance takes notice of the time of a sample. One that is ahead by more than the ttl counts only when more than half as
// many in a row are as there are entities with alerts: a sender whose clock is wrong must not end the alerts of others.
func (s *alerts) advance(to pcommon.Timestamp) {
	if s.newest > 0 && s.after(to, s.newest) > s.ttl {
		if s.ahead++; s.ahead <= len(s.entities)/2 {
			return
		}
	}
	s.newest, s.ahead = max(s.newest, to), 0
}

// after is how long after another time a time is.
func (*alerts) after(a, b pcommon.Timestamp) time.Duration { return a.AsTime().Sub(b.AsTime()) }

func (s *alerts) fire(w *watched, entity uint64, at pcommon.Timestamp, f *firing, resource func() pcommon.Map) {
	if a := w.alerts[f.rule]; a != nil {
		a.last = max(a.last, at)
		a.samples++
		return
	}
	if s.active >= s.limit {
		s.evict()
		s.entities[entity] = w // it may have lost its last alert
	}
	a := &alert{firing: *f, entity: entity, start: at, last: at, samples: 1, resource: resource()}
	w.alerts[f.rule] = a
	s.active++
	s.started(a)
	a.values, a.hasValues = pcommon.Map{}, false // they belong to the sample
}

func (s *alerts) end(w *watched, a *alert, at pcommon.Timestamp, reason string) {
	delete(w.alerts, a.rule)
	s.active--
	if len(w.alerts) == 0 {
		delete(s.entities, a.entity)
	}
	s.ended(a, at, reason)
}

// evict ends the alert that fired the longest time ago.
func (s *alerts) evict() {
	var oldest *alert
	for _, w := range s.entities {
		for _, a := range w.alerts {
			if oldest == nil || older(a, oldest) < 0 {
				oldest = a
			}
		}
	}
	if oldest != nil {
		s.end(s.entities[oldest.entity], oldest, s.newest, reasonFull)
	}
}

func older(a, b *alert) int {
	return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.entity, b.entity), cmp.Compare(a.rule, b.rule))
}

// sweep ends the alerts of entities without samples. It looks at all entities, a few times in the time that they have.
func (s *alerts) sweep() {
	if s.after(s.newest, s.swept) < s.ttl/8 {
		return
	}
	s.swept = s.newest
	var gone []*alert
	for _, w := range s.entities {
		if s.after(s.newest, w.seen) > s.ttl {
			for _, a := range w.alerts {
				gone = append(gone, a)
			}
		}
	}
	slices.SortFunc(gone, older)
	for _, a := range gone {
		s.end(s.entities[a.entity], a, s.newest, reasonGone)
	}
}
