// SPDX-License-Identifier: Apache-2.0

package tick

import (
	"slices"
	"time"
)

// maxSpans bounds the memory of a grid. Each step back of the clock beyond the ticks handed out so far starts a new span.
const maxSpans = 16

// grid decides which point is due. Points are numbered from the epoch.
type grid struct {
	interval time.Duration
	awaited  int64  // the point that is due next, as of the latest look at the clock
	missed   int    // points passed over since the previous tick
	spans    []span // the points that were handed out or passed over, the current stretch last
}

// span is a stretch of points, both ends included.
type span struct{ first, last int64 }

func newGrid(interval time.Duration, now time.Time) *grid {
	g := &grid{interval: interval}
	g.awaited = g.number(now) + 1
	return g
}

// next returns the tick that is due, or how long to wait for the next one.
func (g *grid) next(now time.Time) (t Tick, wait time.Duration, due bool) {
	current := g.number(now)
	switch {
	case current > g.awaited: // suspended, or the clock was set forward: nobody sampled at those points
		g.pass(g.awaited, current)
	case current < g.awaited-1: // the clock was set back
		g.awaited = g.unused(current + 1)
	case current == g.awaited:
		t = Tick{Time: g.time(current), Interval: g.interval, Missed: g.missed}
		g.missed = 0
		g.use(current, current)
		return t, 0, true
	}
	return Tick{}, g.time(g.awaited).Sub(now), false
}

// skip passes over the points that went by while a sample was taken.
func (g *grid) skip(now time.Time) {
	if current := g.number(now); current >= g.awaited {
		g.pass(g.awaited, current)
	}
}

func (g *grid) pass(first, last int64) {
	g.missed += int(last - first + 1)
	g.use(first, last)
}

// use marks points as handed out or passed over.
func (g *grid) use(first, last int64) {
	if n := len(g.spans); n > 0 && g.spans[n-1].last+1 == first {
		g.spans[n-1].last = last
	} else {
		g.spans = append(g.spans[max(0, n+1-maxSpans):], span{first, last})
	}
	g.awaited = g.unused(last + 1)
}

// unused returns the first point from n on that was neither handed out nor passed over.
func (g *grid) unused(n int64) int64 {
	for {
		i := slices.IndexFunc(g.spans, func(s span) bool { return s.first <= n && n <= s.last })
		if i < 0 {
			return n
		}
		n = g.spans[i].last + 1
	}
}

// number returns the number of the latest point that has passed.
func (g *grid) number(t time.Time) int64 {
	n := t.UnixNano() / int64(g.interval)
	if t.UnixNano() < 0 && t.UnixNano()%int64(g.interval) != 0 {
		n-- // division cuts towards zero
	}
	return n
}

func (g *grid) time(n int64) time.Time { return time.Unix(0, n*int64(g.interval)).UTC() }
