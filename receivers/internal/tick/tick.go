// SPDX-License-Identifier: Apache-2.0

// Package tick keeps receivers on the common time grid: multiples of the collection interval since the Unix epoch.
package tick

import "time"

// Tick is one point of the grid and how the scrape met it.
type Tick struct {
	// Time is the point of the grid, the timestamp of all samples of the scrape.
	Time time.Time
	// Interval is the distance of the points of the grid.
	Interval time.Duration
	// Missed counts the points of the grid that were passed over since the previous tick.
	Missed int
}
