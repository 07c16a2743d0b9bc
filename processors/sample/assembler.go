// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
)

// Why a tick is emitted. They are values of the attribute reason.
const (
	reasonComplete = "complete"
	reasonWait     = "wait"
	reasonFull     = "full"
	reasonClock    = "clock"
	reasonShutdown = "shutdown"
)

const (
	// horizonTicks and horizonTime, whichever is longer, are how far from the present a tick may be.
	horizonTicks = 10
	horizonTime  = time.Minute

	// maxReports is how many reports are remembered for ticks that are opened after them.
	maxReports = 16
	// maxFree is how many ticks are kept for use.
	maxFree = 16
)

// assembler puts parts together. It is told the time, and knows neither locks nor loggers.
//
// A source reports all its entities of a tick at once, so that "the source has reported the tick" is known for all
// entities when one resource of it has come: those that the source has no part of need not wait for one. A tick is held
// until all sources of its kind of entity have reported it (or, having left it out, a later one), or for the wait.
type assembler struct {
	sources sources
	names   names
	scatter scatter
	duplicates
	wait    time.Duration
	max     int
	horizon int64
	version string

	lanes [scopes]lane
	held  int
	// now is the time of the call at hand, wall what the wall clock said then, in nanoseconds.
	now  time.Time
	wall int64
	// reports are what sources have reported lately; those from fresh on in the call at hand.
	reports []report
	fresh   int
	parts   []part // of the resource at hand
	out     pmetric.Metrics
	free    []*tick
	tally   tally
}

// report says that sources have reported a tick.
type report struct {
	number  int64
	sources uint64
}

func newAssembler(cfg *Config, version string) *assembler {
	interval := uint64(cfg.Interval)
	a := &assembler{
		names: newNames(), duplicates: newDuplicates(), scatter: scatter{grid: grid{interval: interval}},
		wait: cfg.wait(), max: cfg.MaxEntities, version: version, out: pmetric.NewMetrics(),
		horizon: max(horizonTicks, int64((horizonTime+cfg.Interval-1)/cfg.Interval), int64(2*cfg.wait()/cfg.Interval)),
	}
	var required [scopes]uint64
	a.sources, required = newSources(&cfg.Sources, interval)
	for scope := range a.lanes {
		a.lanes[scope] = lane{scope: entity.Scope(scope), required: required[scope], emitted: -1}
	}
	return a
}

// begin starts a call at the time. When the wall clock was set back, what is held goes out, because ticks to come are
// older, and they are not late.
func (a *assembler) begin(now time.Time) {
	a.now = now
	wall := now.UnixNano()
	if wall < a.wall {
		a.flush(reasonClock)
		for scope := range a.lanes {
			a.lanes[scope].emitted = -1
		}
		a.reports = a.reports[:0]
	}
	a.wall = wall
	present := wall / int64(a.scatter.interval)
	a.scatter.low, a.scatter.high = max(present-a.horizon, 0), present+a.horizon
	a.fresh = len(a.reports)
}

// add takes over what is in the metrics.
func (a *assembler) add(md pmetric.Metrics) {
	resources := md.ResourceMetrics()
	for i := range resources.Len() {
		a.addResource(resources.At(i))
	}
	a.settle()
	for a.held > a.max {
		a.emitOldest()
	}
}

func (a *assembler) addResource(rm pmetric.ResourceMetrics) {
	timestamp, several := a.look(rm)
	if number := a.scatter.within(timestamp); !several {
		if number < 0 {
			a.pass(number, rm)
			return
		}
		if uint64(number)*a.scatter.interval == uint64(timestamp) {
			a.place(number, rm, nil)
			return
		}
	}
	s := &a.scatter
	s.snap(rm, a.parts)
	if len(s.targets) == 1 {
		a.addTarget(&s.targets[0], rm)
		return
	}
	s.split(rm)
	for i := range s.targets {
		a.look(s.targets[i].resource)
		a.addTarget(&s.targets[i], s.targets[i].resource)
	}
}

func (a *assembler) addTarget(t *target, rm pmetric.ResourceMetrics) {
	if t.number < 0 {
		a.pass(t.number, rm)
		return
	}
	a.place(t.number, rm, t)
}

// pass passes a resource on as it came.
func (a *assembler) pass(number int64, rm pmetric.ResourceMetrics) {
	a.tally.outOfRange[-1-number]++
	rm.MoveTo(a.out.ResourceMetrics().AppendEmpty())
}

// place moves a resource into the sample of its entity and tick. snapped is nil if its points were on the grid.
func (a *assembler) place(number int64, rm pmetric.ResourceMetrics, snapped *target) {
	id := entity.Of(rm.Resource().Attributes())
	l := &a.lanes[id.Scope]
	t := a.tick(l, number)
	var h *held
	if place, ok := t.index[id.Hash]; ok {
		h = &t.samples[place]
	} else {
		h = t.add(id.Hash, len(a.parts)+2)
		a.held++
		rm.Resource().MoveTo(h.resource.Resource())
		h.resource.SetSchemaUrl(rm.SchemaUrl())
	}
	if snapped != nil && snapped.moved {
		if !h.moved || snapped.skew > h.skew {
			h.skew = snapped.skew
		}
		h.moved = true
	}
	a.merge(h, rm)
	for i := range a.parts {
		if bits := a.parts[i].source.delivers; bits != 0 {
			a.report(number, bits)
		}
	}
}

// tick returns the tick that holds what belongs to the point of the grid.
func (a *assembler) tick(l *lane, number int64) *tick {
	ticks := &l.open
	if number <= l.emitted {
		ticks = &l.late
	}
	place, found := l.find(*ticks, number)
	if found {
		return (*ticks)[place]
	}
	t := a.unused(min(l.size, maxReserve))
	t.number, t.opened, t.deadline = number, a.now, a.now.Add(a.wait)
	for _, r := range a.reports {
		if r.number == number {
			t.settled |= r.sources
		}
	}
	*ticks = append(*ticks, nil)
	copy((*ticks)[place+1:], (*ticks)[place:])
	(*ticks)[place] = t
	return t
}

func (a *assembler) unused(size int) *tick {
	var t *tick
	if n := len(a.free); n > 0 {
		t, a.free = a.free[n-1], a.free[:n-1]
	} else {
		t = &tick{index: make(map[uint64]int32, size)}
	}
	t.metrics = pmetric.NewMetrics()
	t.metrics.ResourceMetrics().EnsureCapacity(size)
	return t
}

// report notes that sources have reported a tick.
func (a *assembler) report(number int64, sources uint64) {
	for i := len(a.reports) - 1; i >= a.fresh; i-- {
		if a.reports[i].number == number {
			a.reports[i].sources |= sources
			return
		}
	}
	a.reports = append(a.reports, report{number, sources})
}

// settle emits what is due now that the call's resources are all in place.
func (a *assembler) settle() {
	for scope := range a.lanes {
		l := &a.lanes[scope]
		for _, r := range a.reports[a.fresh:] {
			l.settle(r.number, r.sources)
		}
		a.emitDue(l)
	}
	if extra := len(a.reports) - maxReports; extra > 0 {
		a.reports = append(a.reports[:0], a.reports[extra:]...)
	}
	a.fresh = len(a.reports)
}
