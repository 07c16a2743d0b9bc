// SPDX-License-Identifier: Apache-2.0

package tick

import (
	"context"
	"time"
)

// maxSleep bounds how long Run sleeps before it looks at the wall clock again. Timers follow the monotonic clock, which
// knows nothing of a clock that was set and stands still while the machine is suspended.
const maxSleep = time.Second

// Run calls sample at every point of the grid, the first time at the first point after now, until the context ends.
// Calls never overlap. A call that starts late still gets its own tick; the points of the grid that pass meanwhile, or
// while the machine sleeps, are missed: the next tick counts them. No tick is handed out twice, even when the wall clock
// is set back.
//
// now is the wall clock.
func Run(ctx context.Context, interval time.Duration, now func() time.Time, sample func(Tick)) {
	g := newGrid(interval, now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		t, wait, due := g.next(now())
		if due {
			sample(t)
			g.skip(now())
			continue
		}
		timer.Reset(min(wait, maxSleep))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}
