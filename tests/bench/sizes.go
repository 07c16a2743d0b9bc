// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/collect"
	"github.com/nodesec/nodesec/tests/bench/internal/day"
	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/security"
	"github.com/nodesec/nodesec/tests/bench/internal/store"
	"github.com/nodesec/nodesec/tests/bench/internal/tagging"
)

// sizes are the sizes of all benchmarks.
type sizes struct {
	store    store.Options
	floor    store.Options
	day      day.Options
	collect  collect.Options
	security security.Options
	rules    tagging.Options
}

func fullSizes() sizes {
	return sizes{
		store: store.Options{Fleet: cluster(50), Ticks: 360, Runs: 9}, // an hour, 43 million points
		floor: store.Options{Fleet: cluster(1), Ticks: 360, Runs: 25},
		day:   day.Options{Fleet: cluster(50), Ticks: 8640, Runs: 15},
		collect: collect.Options{
			Idle: 1000, Busy: 50, Cgroups: 110, Interval: time.Second, Scrapes: 10, Rounds: 7,
		},
		security: security.Options{
			Calls: 1_000_000, Tries: 3, Rounds: 5, MixedRounds: 5, Builds: true, Containers: []int{110, 1000},
			Scrapes: 8, TickRounds: 3, Processes: 1000, Settle: time.Minute,
		},
		rules: tagging.Options{Entities: 1000, Rules: 200, Containers: 110, Ticks: 10, Rounds: 7},
	}
}

func quickSizes() sizes {
	return sizes{
		store: store.Options{Fleet: cluster(2), Ticks: 45, Runs: 3},
		floor: store.Options{Fleet: cluster(1), Ticks: 45, Runs: 3},
		day:   day.Options{Fleet: cluster(2), Ticks: 360, Runs: 3},
		collect: collect.Options{
			Idle: 100, Busy: 5, Cgroups: 11, Interval: 200 * time.Millisecond, Scrapes: 3, Rounds: 2,
		},
		security: security.Options{
			Calls: 200_000, Tries: 1, Rounds: 2, MixedRounds: 1, Containers: []int{11}, Scrapes: 2, TickRounds: 1,
			Processes: 120, Settle: 5 * time.Second,
		},
		rules: tagging.Options{Entities: 100, Rules: 40, Containers: 11, Ticks: 2, Rounds: 2},
	}
}

// cluster is a fleet with 40 containers on each node, sampled every ten seconds from the beginning of an hour.
func cluster(nodes int) fleet.Fleet {
	return fleet.Fleet{
		Nodes: nodes, ContainersPerNode: 40, Interval: 10 * time.Second, Seed: 1,
		Start: time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC),
	}
}
