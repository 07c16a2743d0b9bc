// SPDX-License-Identifier: Apache-2.0

package tick

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// wallClock is a clock that can be set.
type wallClock struct{ offset atomic.Int64 }

func (c *wallClock) now() time.Time           { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *wallClock) set(change time.Duration) { c.offset.Add(int64(change)) }

// run calls Run with an interval of a second for so long, on a clock that starts 300 ms after a point of the grid and that
// step may set. It returns the ticks and how late each was. sample is told the number of the call.
func run(
	t *testing.T, duration time.Duration, step func(clock *wallClock), sample func(call int),
) (ticks []Tick, late []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		clock := &wallClock{}
		clock.set(300 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), duration)
		defer cancel()
		go step(clock)
		Run(ctx, time.Second, clock.now, func(tick Tick) {
			ticks, late = append(ticks, tick), append(late, clock.now().Sub(tick.Time))
			sample(len(ticks))
		})
		synctest.Wait()
	})
	return ticks, late
}

func still(*wallClock) {}
func nothing(int)      {}

// seconds are the times of the ticks, in seconds since the start of the test.
func seconds(ticks []Tick) (points []int) {
	for _, tick := range ticks {
		points = append(points, int(tick.Time.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds()))
	}
	return points
}

func missed(ticks []Tick) (counts []int) {
	for _, tick := range ticks {
		counts = append(counts, tick.Missed)
	}
	return counts
}

func TestRunSamplesAtEveryPointOfTheGridFromTheNextOneOn(t *testing.T) {
	ticks, late := run(t, 4*time.Second, still, nothing)
	assert.Equal(t, []int{1, 2, 3, 4}, seconds(ticks))
	assert.Equal(t, []int{0, 0, 0, 0}, missed(ticks))
	assert.Equal(t, make([]time.Duration, 4), late)
	assert.Equal(t, time.Second, ticks[0].Interval)
}

func TestRunMissesThePointsThatASampleRunsOver(t *testing.T) {
	ticks, late := run(t, 8*time.Second, still, func(call int) {
		if call == 2 {
			time.Sleep(2500 * time.Millisecond)
		}
	})
	assert.Equal(t, []int{1, 2, 5, 6, 7, 8}, seconds(ticks))
	assert.Equal(t, []int{0, 0, 2, 0, 0, 0}, missed(ticks))
	assert.Equal(t, make([]time.Duration, 6), late)
}

func TestRunKeepsASampleThatEndsAtTheNextPoint(t *testing.T) {
	ticks, _ := run(t, 4*time.Second, still, func(call int) {
		if call == 1 {
			time.Sleep(999 * time.Millisecond)
		}
	})
	assert.Equal(t, []int{1, 2, 3, 4}, seconds(ticks))
}

func TestRunMissesThePointsThatTheClockJumpsOver(t *testing.T) {
	ticks, late := run(t, 6*time.Second, func(clock *wallClock) {
		time.Sleep(2 * time.Second) // at second 2.3
		clock.set(time.Hour)        // forward, or the machine slept
	}, nothing)
	assert.Equal(t, []int{1, 2, 3604, 3605, 3606}, seconds(ticks))
	assert.Equal(t, []int{0, 0, 3601, 0, 0}, missed(ticks))
	assert.Equal(t, make([]time.Duration, 5), late)
}

func TestRunNeverHandsOutATickTwiceWhenTheClockIsSetBack(t *testing.T) {
	ticks, _ := run(t, 10*time.Second, func(clock *wallClock) {
		time.Sleep(4 * time.Second) // at second 4.3
		clock.set(-3 * time.Second) // 1.3: the seconds 2, 3, 4 were handed out
	}, nothing)
	assert.Equal(t, []int{1, 2, 3, 4, 5, 6, 7}, seconds(ticks))
	assert.Equal(t, make([]int, 7), missed(ticks))
}

func TestRunGoesOnAtOnceWhenTheClockIsSetBackBeyondItsStart(t *testing.T) {
	ticks, _ := run(t, 13*time.Second, func(clock *wallClock) {
		time.Sleep(2 * time.Second) // at second 2.3
		clock.set(-5 * time.Second) // -2.7; noticed at -2
	}, nothing)
	// The seconds 1 and 2 come by a second time and stay out.
	assert.Equal(t, []int{1, 2, -1, 0, 3, 4, 5, 6, 7, 8}, seconds(ticks))
	assert.Equal(t, make([]int, 10), missed(ticks))
}

func TestRunNoticesWithinASecondThatTheClockWasSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &wallClock{}
		ctx, cancel := context.WithCancel(t.Context())
		sampled := make(chan time.Time, 1)
		go Run(ctx, time.Hour, clock.now, func(tick Tick) { sampled <- tick.Time })
		time.Sleep(10 * time.Minute)
		clock.set(50*time.Minute - 2*time.Second) // two seconds to go
		before := clock.now()
		assert.Equal(t, before.Add(2*time.Second).UTC(), (<-sampled).UTC())
		assert.Equal(t, 2*time.Second, clock.now().Sub(before))
		cancel()
		synctest.Wait()
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	Run(ctx, time.Hour, time.Now, func(Tick) { t.Error("sampled") })
}
