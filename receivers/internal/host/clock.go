// SPDX-License-Identifier: Apache-2.0

package host

import (
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot is CLOCK_BOOTTIME: the time since boot, suspension included. Nobody sets it, so it measures windows and ages.
func SinceBoot() time.Duration {
	var ts unix.Timespec
	// It fails only for a clock that the kernel lacks; Linux has this one since 2.6.39.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Duration(ts.Nano())
}
