// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMarksAreSeenInTheirOrder(t *testing.T) {
	start := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	marks := []time.Time{at(2.5), at(0.5), at(0.7), at(3.0), at(9)}
	ticks := Ticks{{at(1), 2}, {at(2), 0}, {at(3), 2}, {at(4), 0}}
	got := seen(marks, ticks)
	assert.Equal(t, map[time.Time]time.Time{
		at(0.5): at(1), at(0.7): at(1), at(2.5): at(3), at(3.0): at(3),
	}, got, "the fifth mark did not arrive")
	for moment, tick := range got {
		assert.Zero(t, late(moment, tick, time.Second))
	}

	delayed := seen(marks, Ticks{{at(1), 1}, {at(2), 1}, {at(5), 2}})
	assert.Equal(t, 0, late(at(0.5), delayed[at(0.5)], time.Second))
	assert.Equal(t, 1, late(at(0.7), delayed[at(0.7)], time.Second))
	assert.Equal(t, 2, late(at(3), delayed[at(3)], time.Second))
}

func TestExpectedTickEndsTheWindow(t *testing.T) {
	tick := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	assert.Equal(t, tick, expected(tick, time.Second), "a tick's own moment is the last of its window")
	assert.Equal(t, tick.Add(time.Second), expected(tick.Add(1), time.Second))
}
