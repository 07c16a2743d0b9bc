// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/processors/sample/internal/metadata"
)

// tally counts what the processor's own metrics tell, since they were told last.
type tally struct {
	samples, partial, late [scopes]int64
	outOfRange             [-noTime]int64 // by -1-past, ...
	duplicates             int64
	// repeated is a source that reported a series twice in a tick; empty if none did.
	repeated string
	ticks    []emitted
}

// emitted tells of a tick.
type emitted struct {
	why  string
	lane int
	held time.Duration
}

// expire emits what is due.
func (a *assembler) expire() {
	for scope := range a.lanes {
		a.emitDue(&a.lanes[scope])
	}
}

// next returns when the next tick is due.
func (a *assembler) next() (deadline time.Time, ok bool) {
	for scope := range a.lanes {
		for _, t := range a.lanes[scope].open {
			if !ok || t.deadline.Before(deadline) {
				deadline, ok = t.deadline, true
			}
		}
	}
	return deadline, ok
}

// take returns what was emitted since it was called last.
func (a *assembler) takeOut() pmetric.Metrics {
	out := a.out
	a.out = pmetric.NewMetrics()
	return out
}

// flush emits everything.
func (a *assembler) flush(why string) {
	for scope := range a.lanes {
		l := &a.lanes[scope]
		a.emit(l, len(l.open), why)
	}
}

func (a *assembler) emitDue(l *lane) {
	for _, t := range l.late {
		a.tally.late[l.scope] += int64(len(t.samples))
		a.hand(l, t, true)
	}
	clear(l.late)
	l.late = l.late[:0]
	if n, why := l.due(a.now); n > 0 {
		a.emit(l, n, why)
	}
}

// emitOldest emits the oldest tick of all.
func (a *assembler) emitOldest() {
	var oldest *lane
	for scope := range a.lanes {
		l := &a.lanes[scope]
		if len(l.open) > 0 && (oldest == nil || l.open[0].number < oldest.open[0].number) {
			oldest = l
		}
	}
	a.emit(oldest, 1, reasonFull)
}

// emit emits the first ticks of the lane.
func (a *assembler) emit(l *lane, n int, why string) {
	for _, t := range l.open[:n] {
		a.tally.ticks = append(a.tally.ticks, emitted{why, int(l.scope), a.now.Sub(t.opened)})
		l.emitted, l.size = t.number, len(t.samples)
		a.hand(l, t, false)
	}
	left := copy(l.open, l.open[n:])
	clear(l.open[left:])
	l.open = l.open[:left]
}

// hand finishes the samples of a tick and moves them out.
func (a *assembler) hand(l *lane, t *tick, late bool) {
	timestamp := pcommon.Timestamp(uint64(t.number) * a.scatter.interval)
	for i := range t.samples {
		h := &t.samples[i]
		partial := late || l.required&^h.delivered != 0
		if partial {
			a.tally.partial[l.scope]++
		}
		a.finish(h, timestamp, late || l.required != 0, partial)
	}
	a.tally.samples[l.scope] += int64(len(t.samples))
	a.held -= len(t.samples)
	t.metrics.ResourceMetrics().MoveAndAppendTo(a.out.ResourceMetrics())
	if len(a.free) < maxFree && len(t.samples) <= maxReserve {
		clear(t.samples)
		clear(t.index)
		*t = tick{samples: t.samples[:0], index: t.index}
		a.free = append(a.free, t)
	}
}

// finish adds to the sample what only the whole of it can tell. With no sources to wait for it is not known whether a
// sample is partial.
func (a *assembler) finish(h *held, timestamp pcommon.Timestamp, known, partial bool) {
	if h.moved && h.quality.has&(1<<qualitySkew) != 0 {
		skew := h.quality.points[qualitySkew]
		skew.SetDoubleValue(max(number(skew), milliseconds(h.skew)))
		h.moved = false
	}
	if !known && !h.moved {
		return
	}
	sm := h.resource.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(metadata.ScopeName)
	sm.Scope().SetVersion(a.version)
	sm.Metrics().EnsureCapacity(2)
	if known {
		p := gauge(sm, namePartial, "1", "1 in a sample without a part of each of the sources that measure such an entity.")
		p.SetTimestamp(timestamp)
		value := int64(0)
		if partial {
			value = 1
		}
		p.SetIntValue(value)
	}
	if h.moved {
		p := gauge(sm, nameSkew, "ms", "How long after its tick the sample was read.")
		p.SetTimestamp(timestamp)
		p.SetDoubleValue(milliseconds(h.skew))
	}
}

func gauge(sm pmetric.ScopeMetrics, name, unit, description string) pmetric.NumberDataPoint {
	metric := sm.Metrics().AppendEmpty()
	metric.SetName(name)
	metric.SetUnit(unit)
	metric.SetDescription(description)
	return metric.SetEmptyGauge().DataPoints().AppendEmpty()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
