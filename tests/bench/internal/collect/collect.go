// SPDX-License-Identifier: Apache-2.0

// Package collect measures what a scrape costs: contrib's hostmetrics receiver and ours, on a host that is made
// crowded for it.
package collect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/crowd"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

// Options say how much is measured.
type Options struct {
	Idle, Busy, Cgroups int
	Interval            time.Duration
	Scrapes             int // in a round
	Rounds              int // of each receiver, taking turns
}

const (
	// warm scrapes open files and grow buffers.
	warm = 3
	// cpuTarget is the share of the peer's CPU time per scrape that ours may use.
	cpuTarget = 1.0 / 3
)

// Run measures all receivers. It needs to be root to make cgroups.
func Run(ctx context.Context, o Options, log *slog.Logger) (_ []report.Table, err error) {
	runtime.LockOSThread() // the processes die with the thread that started them
	defer runtime.UnlockOSThread()
	processes, err := o.processes()
	if err != nil {
		return nil, err
	}
	crowd, err := crowd.Gather(o.Cgroups, processes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, crowd.Disperse()) }()

	subjects := subjects(o.Interval)
	rounds := make([][]round, len(subjects))
	for range o.Rounds {
		for i := range subjects {
			r, err := subjects[i].run(ctx, warm, o.Scrapes)
			if err != nil {
				return nil, err
			}
			if err := subjects[i].check(r.seen, o); err != nil {
				return nil, err
			}
			rounds[i] = append(rounds[i], r)
			log.Info("scraped", "receiver", subjects[i].name, "cpu", r.cpu, "allocations", r.allocations)
		}
	}
	return []report.Table{table(subjects, rounds, o)}, nil
}

// processes are those that the receivers are to measure.
func (o *Options) processes() ([]*exec.Cmd, error) {
	var list []*exec.Cmd
	for range o.Idle {
		list = append(list, crowd.Idle())
	}
	for range o.Busy {
		busy, err := crowd.Busy()
		if err != nil {
			return nil, err
		}
		list = append(list, busy)
	}
	return list, nil
}

// check reports a receiver that has not seen what it should.
func (s *subject) check(got seen, o Options) error {
	containers := 0
	if s.containers {
		containers = o.Cgroups
	}
	if got.processes < o.Idle+o.Busy || got.containers < containers {
		return fmt.Errorf("%s has seen %d processes and %d containers, there are at least %d and %d",
			s.name, got.processes, got.containers, o.Idle+o.Busy, containers)
	}
	return nil
}

func table(subjects []subject, rounds [][]round, o Options) report.Table {
	t := report.Table{
		Title: fmt.Sprintf("Collect: a scrape of a host with %d idle and %d busy processes in %d cgroups",
			o.Idle, o.Busy, o.Cgroups),
		Columns: []string{"", "CPU, ms", "allocations", "points", "processes", "containers",
			"CPU, share of hostmetrics", "target"},
		Note: fmt.Sprintf("Medians of %d rounds, the receivers in turn; a round is the mean of %d scrapes %v apart, "+
			"getrusage of this process, garbage collection included. hostmetrics has no container scope.",
			o.Rounds, o.Scrapes, o.Interval),
	}
	cpu, allocations := make([]float64, len(subjects)), make([]float64, len(subjects))
	for i, s := range subjects {
		cpu[i] = median(rounds[i], func(r round) float64 { return r.cpu.Seconds() * 1e3 })
		allocations[i] = median(rounds[i], func(r round) float64 { return r.allocations })
		share := cpu[i] / cpu[0]
		target := ""
		if s.ours {
			target = report.AtMost(share, cpuTarget, "")
		}
		got := rounds[i][len(rounds[i])-1].seen
		t.Add(s.name, report.Number(cpu[i]), report.Number(allocations[i]), fmt.Sprint(got.points),
			fmt.Sprint(got.processes), fmt.Sprint(got.containers), report.Number(share), target)
	}
	return t
}

func median(rounds []round, of func(round) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	return measure.Median(values)
}
