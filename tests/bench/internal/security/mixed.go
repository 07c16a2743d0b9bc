// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

// slowedTarget is how much slower work may become, in percent.
const slowedTarget = 2

// work is a fixed amount of something that people do, or what is made for stress.
type work struct {
	name string
	run  func(context.Context) (*exec.Cmd, func() error, error) // the function cleans up
	runs [2][]spent                                             // without and with ours, by round
}

type spent struct{ cpu, wall float64 } // seconds

func (m *measuring) works(ctx context.Context) (list []*work, skipped string, err error) {
	if m.options.Builds {
		module, err := moduleFolder(ctx)
		if err != nil {
			return nil, "", err
		}
		list = append(list, &work{name: "`go build -a` of a package and all that it needs", run: func(ctx context.Context) (*exec.Cmd, func() error, error) {
			cache, err := os.MkdirTemp(m.folder, "cache-")
			if err != nil {
				return nil, nil, err
			}
			command := exec.CommandContext(ctx, "go", "build", "-a", "./internal/feature")
			command.Dir, command.Env = module, append(os.Environ(), "GOCACHE="+cache)
			return command, func() error { return os.RemoveAll(cache) }, nil
		}})
	}
	if _, err := exec.LookPath("stress-ng"); err != nil {
		return list, "stress-ng is not installed", nil
	}
	for _, stress := range []string{"open=10000", "fork=2000", "sock=1000", "pipe=300000", "dentry=2000"} {
		name, count, _ := strings.Cut(stress, "=")
		list = append(list, &work{name: "stress-ng " + name, run: func(ctx context.Context) (*exec.Cmd, func() error, error) {
			command := exec.CommandContext(ctx, "stress-ng", "-q", "--temp-path", m.folder, "--"+name, "1", "--"+name+"-ops", count)
			return command, func() error { return nil }, nil
		}})
	}
	return list, "", nil
}

// moduleFolder is where the module that is measured lies.
func moduleFolder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/nodesec/nodesec").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (w *work) measure(ctx context.Context, with int) (err error) {
	command, clean, err := w.run(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	started := time.Now()
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", w.name, err, out)
	}
	state := command.ProcessState
	w.runs[with] = append(w.runs[with], spent{(state.UserTime() + state.SystemTime()).Seconds(), time.Since(started).Seconds()})
	return nil
}

// mixed measures work without and with ours, which goes first in every other round.
func (m *measuring) mixed(ctx context.Context) ([]report.Table, error) {
	works, skipped, err := m.works(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range works { // the first run finds the kernel's caches of names small, and is up to five times as fast
		if err := w.measure(ctx, 0); err != nil {
			return nil, err
		}
		w.runs[0] = nil
	}
	loads := []load{nothing(), ours("nodesecurity", setting{Config: counting()})}
	for round := range m.options.MixedRounds {
		for _, first := range []int{round % 2, 1 - round%2} {
			err := m.under(ctx, loads[first], func() error {
				for _, w := range works {
					if err := w.measure(ctx, first); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		m.log.Info("worked", "round", round, "of", m.options.MixedRounds)
	}
	return []report.Table{mixedTable(works, m.options.MixedRounds, skipped)}, nil
}

func mixedTable(works []*work, rounds int, skipped string) report.Table {
	t := report.Table{
		Title: "Security: what counting takes from the work of others",
		Columns: []string{"", "without: CPU, s", "with: CPU, s", "CPU, more by %", "target", "without: time, s", "with: time, s",
			"time, more by %"},
		Note: fmt.Sprintf("Medians of %d rounds in turn, and the least and most of them in brackets; user and kernel mode of the work "+
			"and all its children. More by: of the medians, and of the least.", rounds),
	}
	if skipped != "" {
		t.Note += " Left out: " + skipped + "."
	}
	for _, w := range works {
		cpu := func(s spent) float64 { return s.cpu }
		wall := func(s spent) float64 { return s.wall }
		slowed, slowedLeast := more(w.runs, cpu)
		wallSlowed, wallLeast := more(w.runs, wall)
		t.Add(w.name, spread(w.runs[0], cpu), spread(w.runs[1], cpu), both(slowed, slowedLeast), report.AtMost(slowed, slowedTarget, " %"),
			spread(w.runs[0], wall), spread(w.runs[1], wall), both(wallSlowed, wallLeast))
	}
	return t
}

func both(median, least float64) string { return report.Number(median) + ", " + report.Number(least) }

func values(runs []spent, of func(spent) float64) (list []float64) {
	for _, r := range runs {
		list = append(list, of(r))
	}
	return list
}

// more is how much more it is with ours, in percent.
func more(runs [2][]spent, of func(spent) float64) (median, least float64) {
	without, with := values(runs[0], of), values(runs[1], of)
	return (measure.Median(with)/measure.Median(without) - 1) * 100, (slices.Min(with)/slices.Min(without) - 1) * 100
}

func spread(runs []spent, of func(spent) float64) string {
	list := values(runs, of)
	return fmt.Sprintf("%s (%s-%s)", report.Number(measure.Median(list)), report.Number(slices.Min(list)), report.Number(slices.Max(list)))
}
