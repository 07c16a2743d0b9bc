// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
)

// tick holds the samples of one kind of entity at one point of the grid.
type tick struct {
	number   int64
	opened   time.Time
	deadline time.Time
	// settled has the bits of the sources that have reported this tick or, since it was opened, a later one.
	settled uint64

	metrics pmetric.Metrics
	samples []held           // by their place in metrics
	index   map[uint64]int32 // places by entity
}

// maxReserve bounds the room that is made for the entities of the next tick.
const maxReserve = 1 << 14

// add adds a sample of an entity, with room for its parts.
func (t *tick) add(id uint64, sources int) *held {
	t.index[id] = int32(len(t.samples))
	t.samples = append(t.samples, held{resource: t.metrics.ResourceMetrics().AppendEmpty()})
	h := &t.samples[len(t.samples)-1]
	h.resource.ScopeMetrics().EnsureCapacity(sources)
	return h
}

// lane holds the ticks of one kind of entity. Ticks leave it in order.
type lane struct {
	scope entity.Scope
	// required has the bits of the sources to wait for; without any, all of the wait is waited for.
	required uint64
	open     []*tick // in their order
	// late are ticks of the call at hand that came too late to be held.
	late []*tick
	// emitted is the latest tick that left; -1 before.
	emitted int64
	// size is how many samples the latest tick had.
	size int
}

func (l *lane) find(ticks []*tick, number int64) (place int, found bool) {
	if n := len(ticks); n > 0 && ticks[n-1].number == number {
		return n - 1, true
	}
	return slices.BinarySearchFunc(ticks, number, func(t *tick, number int64) int { return cmp.Compare(t.number, number) })
}

// settle notes that the sources have reported the tick.
func (l *lane) settle(number int64, sources uint64) {
	for _, t := range l.open {
		if t.number <= number {
			t.settled |= sources
		}
	}
}

// due returns how many of the open ticks, from the first on, are to be emitted: one that is due takes along all before.
func (l *lane) due(now time.Time) (ticks int, why string) {
	for i := len(l.open) - 1; i >= 0; i-- {
		t := l.open[i]
		if l.required != 0 && l.required&^t.settled == 0 {
			return i + 1, reasonComplete
		}
		if !now.Before(t.deadline) {
			return i + 1, reasonWait
		}
	}
	return 0, ""
}
