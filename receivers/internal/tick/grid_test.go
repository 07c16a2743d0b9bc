// SPDX-License-Identifier: Apache-2.0

package tick

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestGridHandsOutALatePointUntilTheNextOne(t *testing.T) {
	start := time.Unix(100, 0)
	for _, tt := range []struct {
		name string
		late time.Duration
		due  bool
		wait time.Duration
	}{
		{"just before", -time.Nanosecond, false, time.Nanosecond},
		{"on time", 0, true, 0},
		{"late", 9 * time.Second, true, 0},
		{"too late", 10 * time.Second, false, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGrid(10*time.Second, start)
			tick, wait, due := g.next(time.Unix(110, 0).Add(tt.late))
			assert.Equal(t, tt.due, due)
			assert.Equal(t, tt.wait, wait)
			if due {
				assert.Equal(t, Tick{Time: time.Unix(110, 0).UTC(), Interval: 10 * time.Second}, tick)
			}
		})
	}
}

func TestGridStartsAfterThePointItStartsOn(t *testing.T) {
	g := newGrid(time.Second, time.Unix(100, 0))
	_, wait, due := g.next(time.Unix(100, 0))
	assert.False(t, due)
	assert.Equal(t, time.Second, wait)
}

func TestGridCountsPointsBeforeTheEpochToo(t *testing.T) {
	g := newGrid(time.Second, time.Unix(-3, 1))
	tick, _, due := g.next(time.Unix(-2, 5))
	assert.True(t, due)
	assert.Equal(t, time.Unix(-2, 0).UTC(), tick.Time)
}

func TestGridForgetsTheOldestOfManySteps(t *testing.T) {
	g := newGrid(time.Second, time.Unix(1_000_000, 0))
	for i := range int64(3 * maxSpans) {
		now := time.Unix(1_000_000-100*i, 0)
		g.next(now) // the clock was set back
		_, _, due := g.next(now.Add(time.Second))
		assert.True(t, due)
		assert.LessOrEqual(t, len(g.spans), maxSpans)
	}
}
