// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

const (
	// floorTarget is how much of the floor ours may add to a system call, tracerTarget how much of what bpftrace adds.
	floorTarget  = 1.8
	tracerTarget = 0.5
)

// act is something that is done many times.
type act struct {
	name  string
	count int // of what the time is divided by
	start func(context.Context) (*exec.Cmd, error)
}

// The places of acts in the list.
const (
	actDD = iota
	actCall
	actsOfCalls // those that follow are not about single system calls
)

// acts are dd, a loop of the cheapest system call, and what is rarer and dearer.
func (m *measuring) acts() ([]act, error) {
	program, file := filepath.Join(m.folder, "tiny"), filepath.Join(m.folder, "a", "b", "file")
	if err := writeTiny(program); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		return nil, err
	}
	calls := m.options.Calls
	own := func(name, verb string, count int, target string) act {
		return act{name, count, func(ctx context.Context) (*exec.Cmd, error) {
			return again(ctx, roleActor, verb, strconv.Itoa(count), target)
		}}
	}
	return []act{
		{"dd", calls, func(ctx context.Context) (*exec.Cmd, error) {
			return exec.CommandContext(ctx, "dd", "if=/dev/zero", "of=/dev/null", "bs=1", fmt.Sprint("count=", calls/2), "status=none"), nil
		}},
		own("getppid", "getppid", calls, ""),
		own("fork, exec and exit of a tiny static program", "exec", calls/2000, program),
		own("TCP connect, accept and close on loopback", "connect", calls/500, ""),
		own("open and close of a file", "open", calls/20, file),
	}, nil
}

// cost is the least CPU time per act of some tries: whatever else the machine does can only add to it.
func (a *act) cost(ctx context.Context, tries int) (time.Duration, error) {
	var least time.Duration
	for i := range tries {
		command, err := a.start(ctx)
		if err != nil {
			return 0, err
		}
		if err := command.Run(); err != nil {
			return 0, fmt.Errorf("%s: %w", a.name, err)
		}
		if used := command.ProcessState.UserTime() + command.ProcessState.SystemTime(); i == 0 || used < least {
			least = used
		}
	}
	return least, nil
}

// costs are nanoseconds per act: by load, by act, by round.
type costs [][][]float64

// added is what a load adds to an act: the median of the differences in each round, and the difference of the least.
func (c costs) added(load, act int) (median, least float64) {
	with, without := c[load][act], c[loadNothing][act]
	differences := make([]float64, len(with))
	for i := range with {
		differences[i] = with[i] - without[i]
	}
	return measure.Median(differences), slices.Min(with) - slices.Min(without)
}

func (m *measuring) calls(ctx context.Context) ([]report.Table, error) {
	acts, err := m.acts()
	if err != nil {
		return nil, err
	}
	tracepoints, err := tracepointsOfOurs(ctx)
	if err != nil {
		return nil, err
	}
	loads, skipped := m.loads(ctx, tracepoints)
	all := make(costs, len(loads))
	for i := range all {
		all[i] = make([][]float64, len(acts))
	}
	for round := range m.options.Rounds {
		for i, l := range loads {
			err := m.under(ctx, l, func() error {
				for j := range acts {
					used, err := acts[j].cost(ctx, m.options.Tries)
					if err != nil {
						return err
					}
					all[i][j] = append(all[i][j], float64(used)/float64(acts[j].count))
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		m.log.Info("called", "round", round, "of", m.options.Rounds)
	}
	return []report.Table{m.callTable(loads, all, skipped), m.actTable(loads, acts, all)}, nil
}

func (m *measuring) callTable(loads []load, all costs, skipped []string) report.Table {
	t := report.Table{
		Title: "Security: what counting adds to a system call",
		Columns: []string{"", "`dd bs=1`: ns per call", "added, ns", "difference of the least", "getppid: ns per call", "added, ns",
			"difference of the least", "`dd`: of the floor", "target", "of bpftrace", "target"},
		Note: fmt.Sprintf("CPU time. Medians of %d rounds, the loads in turn; a round's figure is the least of %d runs of %d calls. "+
			"Added: the median of the differences to nothing in the same round.", m.options.Rounds, m.options.Tries, m.options.Calls),
	}
	if len(skipped) > 0 {
		t.Note += " Left out: " + strings.Join(skipped, "; ") + "."
	}
	floor, _ := all.added(loadFloor, actDD)
	bpftrace := 0.0
	if place := slices.IndexFunc(loads, func(l load) bool { return l.name == "bpftrace" }); place >= 0 {
		bpftrace, _ = all.added(place, actDD)
	}
	for i, l := range loads {
		row := []string{l.name}
		for act := range actsOfCalls {
			median, least := all.added(i, act)
			row = append(row, report.Number(measure.Median(all[i][act])), report.Number(median), report.Number(least))
		}
		added, _ := all.added(i, actDD)
		ours := strings.HasPrefix(l.name, "nodesecurity")
		row = append(row, compared(added, floor, floorTarget, ours)...)
		t.Add(append(row, compared(added, bpftrace, tracerTarget, ours)...)...)
	}
	return t
}

// compared are the cells of a comparison: the share, and whether it keeps the target, if it has one.
func compared(value, with, target float64, judged bool) []string {
	if with == 0 || value == 0 {
		return []string{"", ""}
	}
	cells := []string{report.Number(value / with), ""}
	if judged {
		cells[1] = report.AtMost(value/with, target, "")
	}
	return cells
}

// actTable is about what is done less often than a system call.
func (m *measuring) actTable(loads []load, acts []act, all costs) report.Table {
	t := report.Table{
		Title:   "Security: what counting adds to exec, connect and open",
		Columns: []string{"", "with nothing, µs"},
		Note:    "CPU time of user and kernel mode, the children's included, of the same rounds: with nothing, and what is added to it.",
	}
	for _, l := range loads[loadFloor:] {
		t.Columns = append(t.Columns, "added by "+l.name+", µs")
	}
	for j := actsOfCalls; j < len(acts); j++ {
		row := []string{acts[j].name, report.Number(measure.Median(all[loadNothing][j]) / 1e3)}
		for i := loadFloor; i < len(loads); i++ {
			added, _ := all.added(i, j)
			row = append(row, report.Number(added/1e3))
		}
		t.Add(row...)
	}
	return t
}
