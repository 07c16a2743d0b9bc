// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// lagPoll is how often the database is asked for a tick that is due: the resolution of the measured lag.
	lagPoll = 25 * time.Millisecond
	// lagPatience is how long a tick is waited for before the next one is looked at.
	lagPatience = 10 * time.Second
	// lagWindow is how many lags the median and the maximum are taken over.
	lagWindow = 600
)

// lagMeter measures how long it takes from a tick until its rows can be queried.
type lagMeter struct {
	reader   reader
	interval time.Duration

	mu     sync.Mutex
	recent []float64 // seconds, the newest last
	newest time.Time
}

// run looks for one tick after the other until ctx ends.
func (m *lagMeter) run(ctx context.Context) {
	for next := time.Now().Truncate(m.interval).Add(m.interval); ; {
		if !sleepUntil(ctx, next) {
			return
		}
		seen, ok := m.await(ctx, next)
		if ctx.Err() != nil {
			return
		}
		if ok {
			m.add(seen, time.Since(next))
		}
		next = time.Now().Truncate(m.interval).Add(m.interval)
	}
}

// await polls until the rows of the tick can be queried. An error of the database is a tick that is not there yet.
func (m *lagMeter) await(ctx context.Context, tick time.Time) (seen time.Time, ok bool) {
	for time.Since(tick) < lagPatience && ctx.Err() == nil {
		if newest, err := m.reader.newestTick(ctx, tick); err == nil && !newest.Before(tick) {
			return newest, true
		}
		if !sleepUntil(ctx, time.Now().Add(lagPoll)) {
			break
		}
	}
	return time.Time{}, false
}

func (m *lagMeter) add(seen time.Time, lag time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest = seen
	m.recent = append(m.recent, lag.Seconds())
	if len(m.recent) > lagWindow {
		m.recent = m.recent[1:]
	}
}

// lag returns what was measured so far and the newest tick that could be queried.
func (m *lagMeter) lag() (Lag, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.recent) == 0 {
		return Lag{}, m.newest
	}
	sorted := slices.Sorted(slices.Values(m.recent))
	return Lag{
		Last:   m.recent[len(m.recent)-1],
		Median: sorted[len(sorted)/2],
		Max:    sorted[len(sorted)-1],
	}, m.newest
}

func sleepUntil(ctx context.Context, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
