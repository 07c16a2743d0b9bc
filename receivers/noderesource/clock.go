// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"time"

	"github.com/nodesec/nodesec/receivers/internal/host"
)

// clock is the time as the receiver sees it.
type clock struct {
	// wall is the time of day. It may be set, so it names ticks but measures nothing.
	wall func() time.Time
	// boot is CLOCK_BOOTTIME: time since boot, suspension included. It measures windows and ages.
	boot func() time.Duration
}

func hostClock() clock { return clock{wall: time.Now, boot: host.SinceBoot} }
