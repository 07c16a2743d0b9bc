// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nodesec/nodesec/lab/actor"
)

// marker is a container of its own in which one program is run at the beginning and the end of each step. The agent counts
// these executions as it counts all others, so it can be seen at which tick a known moment arrived. It is not an actor,
// so that no feature of an actor's samples tells the beginning of a step.
type marker struct {
	actor *actor.Actor

	mu    sync.Mutex
	marks []time.Time
}

// markProgram does nothing, and is there on every host.
const markProgram = "true"

func newMarker(ctx context.Context, stage *actor.Stage) (*marker, error) {
	a, err := stage.New(ctx, actor.Config{Name: "marker", Limits: actor.Limits{CPUs: 0.5, PIDs: 16, Time: maxRun}})
	if err != nil {
		return nil, fmt.Errorf("make the container of marks: %w", err)
	}
	return &marker{actor: a}, nil
}

// mark makes one and returns when it was made, to the precision of starting a program.
func (m *marker) mark(ctx context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	process, err := m.actor.Start(ctx, actor.Program{Path: markProgram})
	if err == nil {
		m.marks = append(m.marks, now) // it was executed, whatever becomes of it
		_, err = process.Wait(ctx)
	}
	if err != nil {
		return now, fmt.Errorf("mark a moment: %w", err)
	}
	return now, nil
}

// Ticks is how many programs the agent saw to be executed in the container of marks, by tick.
type Ticks []Tick

// Tick is one sample of the container of marks.
type Tick struct {
	At    time.Time
	Execs int
}

// seen returns the tick at which each mark arrived: the k-th mark is the k-th execution. Marks that did not arrive have
// no entry.
func seen(marks []time.Time, ticks Ticks) map[time.Time]time.Time {
	marks, ticks = slices.Clone(marks), slices.Clone(ticks)
	slices.SortFunc(marks, time.Time.Compare)
	slices.SortFunc(ticks, func(a, b Tick) int { return a.At.Compare(b.At) })
	at, next := map[time.Time]time.Time{}, 0
	for _, tick := range ticks {
		for range min(tick.Execs, len(marks)-next) {
			at[marks[next]] = tick.At
			next++
		}
	}
	return at
}

// expected is the tick in whose sample a moment belongs: a sample covers what came after the tick before it, up to its own.
func expected(moment time.Time, interval time.Duration) time.Time {
	tick := moment.Truncate(interval)
	if tick.Before(moment) {
		tick = tick.Add(interval)
	}
	return tick
}

// late is by how many ticks a moment was seen late, or early, below 0.
func late(moment, tick time.Time, interval time.Duration) int {
	return int(tick.Sub(expected(moment, interval)) / interval)
}
