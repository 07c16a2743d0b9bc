// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock is the time as the receiver sees it.
type clock struct {
	// wall is the time of day. It may be set, so it names ticks but measures nothing.
	wall func() time.Time
	// boot is CLOCK_BOOTTIME: time since boot, suspension included. It measures windows and ages.
	boot func() time.Duration
}

func hostClock() clock { return clock{wall: time.Now, boot: sinceBoot} }

func sinceBoot() time.Duration {
	var ts unix.Timespec
	// It fails only for a clock that the kernel lacks; Linux has this one since 2.6.39.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Duration(ts.Nano())
}
