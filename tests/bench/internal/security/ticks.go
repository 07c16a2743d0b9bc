// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/crowd"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

const (
	warm = 3 // scrapes that open files and grow buffers
	// tickTarget is how much CPU time a tick may use with as many containers as the target is about.
	tickTarget = 5.0
	// postureSeconds is how far apart readings of posture are by default.
	postureSeconds = 60
)

// ticked is what a tick cost, the mean of some in a row.
type ticked struct {
	cpu, allocations   float64 // cpu in milliseconds
	points, containers int
}

var errFewContainers = errors.New("the receiver has not seen all containers")

// postureSettings are those that are measured: their differences are what emitting and reading posture cost.
func postureSettings() []map[string]any {
	return []map[string]any{
		{"enabled": false},
		{"enabled": true, "interval": "24h"},
		{"enabled": true, "interval": "1s"}, // at each tick
	}
}

func (m *measuring) ticks(ctx context.Context) ([]report.Table, error) {
	t := report.Table{
		Title: "Security: CPU time of a tick in user space",
		Columns: []string{"containers", "counters only, ms", "with posture, ms", "target", "a reading of all posture, ms",
			"allocations", "points"},
		Note: fmt.Sprintf("Medians of %d rounds; a round is the mean of %d scrapes a second apart in a process of its own, garbage "+
			"collection included. With posture: it is emitted at every tick, and of a reading, every %d s, a tick's share is included.",
			m.options.TickRounds, m.options.Scrapes, postureSeconds),
	}
	for _, containers := range m.options.Containers {
		if err := m.ticksOf(ctx, containers, &t); err != nil {
			return nil, err
		}
	}
	return []report.Table{t}, nil
}

// ticksOf measures ticks on a host with so many containers, each of a process that makes system calls and one that sleeps.
func (m *measuring) ticksOf(ctx context.Context, containers int, t *report.Table) (err error) {
	crowd, err := crowd.Gather(containers, processes(2*containers, containers))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, crowd.Disperse()) }()
	rounds := make([][]ticked, len(postureSettings()))
	for range m.options.TickRounds {
		for i, posture := range postureSettings() {
			r, err := m.round(ctx, posture)
			if err != nil {
				return err
			}
			if r.containers < containers {
				return fmt.Errorf("%w: %d of %d", errFewContainers, r.containers, containers)
			}
			rounds[i] = append(rounds[i], r)
			m.log.Info("ticked", "containers", containers, "posture", posture, "cpu", r.cpu, "allocations", r.allocations)
		}
	}
	cpu := func(setting int) float64 { return median(rounds[setting], func(r ticked) float64 { return r.cpu }) }
	reading := cpu(2) - cpu(1)
	all := cpu(1) + reading/postureSeconds
	verdict := ""
	if containers <= containersOfTargets {
		verdict = report.AtMost(all, tickTarget, " ms")
	}
	allocations := median(rounds[1], func(r ticked) float64 { return r.allocations })
	t.Add(fmt.Sprint(containers), report.Number(cpu(0)), report.Number(all), verdict, report.Number(reading),
		report.Number(allocations), fmt.Sprint(rounds[1][0].points))
	return nil
}

// processes are those of a host, of which so many make system calls and the others sleep.
func processes(count, calling int) (list []*exec.Cmd) {
	for i := range count {
		if i < calling {
			list = append(list, crowd.Calling())
		} else {
			list = append(list, crowd.Idle())
		}
	}
	return list
}

func (m *measuring) round(ctx context.Context, posture map[string]any) (out ticked, err error) {
	r, err := startReceiver(ctx, setting{Config: map[string]any{"collection_interval": "1s", "posture": posture}})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	var first, last arrival
	for i := range warm + m.options.Scrapes {
		if last, err = r.next(); err != nil {
			return out, err
		}
		if i == warm-1 {
			first = last
		}
	}
	count := m.options.Scrapes
	return ticked{
		cpu:         float64((last.CPU-first.CPU)/time.Duration(count)) / 1e6,
		allocations: float64(last.Allocations-first.Allocations) / float64(count),
		points:      last.Points,
		containers:  last.Containers,
	}, nil
}

func median(rounds []ticked, of func(ticked) float64) float64 {
	list := make([]float64, len(rounds))
	for i, r := range rounds {
		list[i] = of(r)
	}
	return measure.Median(list)
}
