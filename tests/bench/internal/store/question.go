// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
)

// question holds what the queries ask for, the same for all layouts.
type question struct {
	features []fleet.Feature
	// node and container are those whose samples are wanted.
	node, container string
	// from and to are the hour (or less, if there is less) of the single container's and the single node's samples;
	// the ten minutes of all containers' samples begin at middle.
	from, to, middle time.Time
}

// queries are one layout's ways to ask. Their answers have the same rows, in any order, and the same columns.
type queries struct {
	// container is the feature matrix of one container for an hour, node that of all containers of a node. Contrib's
	// have a second form, which is cheaper and takes more thought.
	container, containerTuned, node, nodeTuned string
	// window has ten features of all containers for ten minutes.
	window string
	// average has 5-minute averages of one feature over everything.
	average string
	// joint counts, by namespace, the samples where two features together exceed thresholds.
	joint string
	// checksum has the number of points and a sum of hashes of (container, tick, feature, value), in any order.
	checksum string
}

// newQuestion asks about the given fleet.
func newQuestion(f fleet.Fleet, ticks int) question {
	g := f.New()
	g.Next()
	q := question{features: fleet.Features(), from: f.Start, to: f.Time(min(ticks, int(time.Hour/f.Interval)))}
	q.node, q.container = g.Lasting()
	q.middle = q.from.Add(q.to.Sub(q.from) / 3).Truncate(f.Interval)
	return q
}

func (q *question) named(names ...string) []fleet.Feature {
	var out []fleet.Feature
	for _, name := range names {
		for _, f := range q.features {
			if f.Name == name {
				out = append(out, f)
			}
		}
	}
	return out
}

// The features of the average and the joint query, and the thresholds (seconds and bytes in ten seconds).
const (
	averageFeature = "container_memory_working_set"
	jointFirst     = "container_cpu_time_user"
	jointSecond    = "container_network_io_transmit"
	firstAbove     = 0.3
	secondAbove    = 100_000
)

// during returns the condition that a column of times is in the hour, or in the ten minutes of the window.
func (q *question) during(column string) string { return between(column, q.from, q.to) }

func (q *question) duringWindow(column string) string {
	return between(column, q.middle, q.middle.Add(10*time.Minute))
}

func between(column string, from, to time.Time) string {
	const layout = "2006-01-02 15:04:05"
	return fmt.Sprintf("%s >= toDateTime('%s', 'UTC') AND %s < toDateTime('%s', 'UTC')",
		column, from.UTC().Format(layout), column, to.UTC().Format(layout))
}
