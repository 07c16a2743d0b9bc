// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

// Options say how much is measured.
type Options struct {
	Fleet fleet.Fleet
	Ticks int
	Runs  int // of each query and layout
}

// Run loads the fleet's data in all layouts, compares the stored values and asks all queries. The error says that
// something could not be measured or that the layouts differ; a missed target is in the tables.
func Run(ctx context.Context, s *server.Server, o Options, log *slog.Logger) ([]report.Table, error) {
	layouts := layouts(s, newQuestion(o.Fleet, o.Ticks))
	results := make([]loaded, len(layouts))
	for i := range layouts {
		var err error
		if results[i], err = layouts[i].load(ctx, s, o.Fleet, o.Ticks); err != nil {
			return nil, err
		}
		log.Info("loaded", "layout", layouts[i].name, "points", results[i].points, "wall", results[i].client.Wall)
	}
	if err := compare(ctx, s, layouts, results); err != nil {
		return nil, err
	}
	unix.Sync() // or the kernel writes the merged parts while the queries run
	timings, err := ask(ctx, s, layouts, o.Runs, log)
	if err != nil {
		return nil, err
	}
	return []report.Table{loadTable(layouts, results, o), queryTable(layouts, timings, o)}, nil
}

// compare checks that all layouts hold what was sent.
func compare(ctx context.Context, s *server.Server, layouts []layout, results []loaded) error {
	var want string
	for i, l := range layouts {
		answer, err := s.Query(ctx, l.checksum)
		if err != nil {
			return err
		}
		got := strings.TrimSpace(string(answer))
		if i == 0 {
			want = got
		}
		if count, _, _ := strings.Cut(got, "\t"); got != want || count != fmt.Sprint(results[i].points) {
			return fmt.Errorf("%s holds other values than %s: points and checksum are %q instead of %q, %d points were sent",
				l.name, layouts[0].name, got, want, results[i].points)
		}
	}
	return nil
}

// timed is the median of a query's runs in one layout.
type timed struct{ cpu, wall float64 } // milliseconds

// ask runs all queries, layout by layout in turn so that a disturbance meets all. It returns the timings by query and
// layout.
func ask(ctx context.Context, s *server.Server, layouts []layout, runs int, log *slog.Logger) ([][]timed, error) {
	var out [][]timed
	for _, c := range cases() {
		if err := sameAnswers(ctx, s, layouts, c); err != nil {
			return nil, err
		}
		cpu, wall := make([][]float64, len(layouts)), make([][]float64, len(layouts))
		for range runs {
			for i := range layouts {
				timing, err := s.Time(ctx, c.sql(&layouts[i].queries)+" FORMAT "+c.format)
				if err != nil {
					return nil, err
				}
				cpu[i] = append(cpu[i], timing.CPU.Seconds()*1e3)
				wall[i] = append(wall[i], timing.Wall.Seconds()*1e3)
			}
		}
		out = append(out, medians(cpu, wall))
		log.Info("asked", "query", c.name)
	}
	return out, nil
}

// sameAnswers checks that all layouts answer the same. It also warms the caches.
func sameAnswers(ctx context.Context, s *server.Server, layouts []layout, c queryCase) error {
	var want []string
	for i := range layouts {
		got, err := s.Lines(ctx, c.sql(&layouts[i].queries))
		if err != nil {
			return err
		}
		if i == 0 {
			want = got
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s: %s answers otherwise than %s (%d and %d rows)",
				c.name, layouts[i].name, layouts[0].name, len(got), len(want))
		}
		if got[0] == "" {
			return fmt.Errorf("%s: the answer is empty and proves nothing", c.name)
		}
	}
	return nil
}
