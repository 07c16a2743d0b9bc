// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLag(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	for _, tt := range []struct {
		name string
		lags []time.Duration
		want Lag
	}{
		{"nothing measured", nil, Lag{}},
		{"one", []time.Duration{300 * time.Millisecond}, Lag{Last: 0.3, Median: 0.3, Max: 0.3}},
		{"several", []time.Duration{5 * time.Second, time.Second, 2 * time.Second}, Lag{Last: 2, Median: 2, Max: 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m lagMeter
			var newest time.Time
			for i, lag := range tt.lags {
				newest = start.Add(time.Duration(i) * time.Second)
				m.add(newest, lag)
			}
			got, tick := m.lag()
			assert.Equal(t, tt.want, got)
			assert.Equal(t, newest, tick)
		})
	}
}

func TestLagForgetsTheOldest(t *testing.T) {
	var m lagMeter
	m.add(time.Time{}, time.Hour)
	for range lagWindow {
		m.add(time.Time{}, time.Second)
	}
	lag, _ := m.lag()
	assert.Equal(t, Lag{Last: 1, Median: 1, Max: 1}, lag)
	assert.Len(t, m.recent, lagWindow)
}

func TestSleepUntilEndsWithItsContext(t *testing.T) {
	assert.True(t, sleepUntil(t.Context(), time.Now().Add(-time.Second)))
	ended, end := context.WithCancel(t.Context())
	end()
	assert.False(t, sleepUntil(ended, time.Now().Add(time.Hour)))
}

func TestRate(t *testing.T) {
	w := watcher{}
	at := time.Unix(1_800_000_000, 0)
	step := func(rows uint64, tick time.Time) float64 {
		w.summary.Rows, w.summary.LastTick = rows, tick
		w.rate()
		return w.summary.RowsPerSecond
	}
	assert.Zero(t, step(5000, at), "rows of an earlier run are not of this second")
	assert.InDelta(t, 50, step(5100, at.Add(2*time.Second)), 1e-9)
	assert.InDelta(t, 50, step(5100, at.Add(2*time.Second)), 1e-9, "no new tick: no other rate")
	assert.Zero(t, step(5100, at.Add(3*time.Second)))
}
