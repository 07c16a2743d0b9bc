// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

// inMemory has the rows of one node for an hour, without files, marks and codecs.
const inMemory = "nodesec.in_memory"

// Floor measures what a query over many columns of our table costs before it reads any: it loads an hour of one node
// and asks for more and more of the features.
func Floor(ctx context.Context, s *server.Server, o Options, log *slog.Logger) ([]report.Table, error) {
	q := newQuestion(o.Fleet, o.Ticks)
	ours := layouts(s, q)[2]
	if _, err := ours.load(ctx, s, o.Fleet, o.Ticks); err != nil {
		return nil, err
	}
	if err := s.Exec(ctx, "CREATE TABLE "+inMemory+" ENGINE = Memory AS SELECT * FROM nodesec.container_samples"); err != nil {
		return nil, err
	}
	t := report.Table{
		Title: fmt.Sprintf("Floor: server CPU in milliseconds of a query over features of one node, %d ticks", o.Ticks),
		Columns: []string{
			"features", "WHERE 0", "no row matches the key", "(a) one container", "(b) one node",
			"(a) from a table in memory", "(b) from a table in memory",
		},
		Note: fmt.Sprintf("Medians of %d warm runs over HTTP in Native format; CPU clock of the server process. The "+
			"first two read nothing: they are parsing, planning and answering alone.", o.Runs),
	}
	for _, n := range []int{1, 10, 20, 30, 40, 50, 60} {
		row := []string{fmt.Sprint(n)}
		for _, sql := range floorQueries(q, n) {
			cpu, err := medianCPU(ctx, s, sql, o.Runs)
			if err != nil {
				return nil, err
			}
			row = append(row, report.Number(cpu))
		}
		t.Add(row...)
		log.Info("asked", "features", n)
	}
	return []report.Table{t}, nil
}

// floorQueries ask for the first n features, in the order of the table's columns.
func floorQueries(q question, n int) []string {
	q.features = fleet.Features()[:n]
	nobody := q
	nobody.node = "no such node"
	ours, memory := ourQueries(q, "nodesec.container_samples"), ourQueries(q, inMemory)
	return []string{
		fmt.Sprintf("SELECT %s FROM nodesec.container_samples WHERE 0", columns(q.features)),
		ourQueries(nobody, "nodesec.container_samples").container,
		ours.container, ours.node, memory.container, memory.node,
	}
}

// medianCPU runs a query, twice more to warm the caches, and returns the median of its CPU time in milliseconds.
func medianCPU(ctx context.Context, s *server.Server, sql string, runs int) (float64, error) {
	var cpu []float64
	for i := range runs + 2 {
		timing, err := s.Time(ctx, sql+" FORMAT Native")
		if err != nil {
			return 0, err
		}
		if i >= 2 {
			cpu = append(cpu, timing.CPU.Seconds()*1e3)
		}
	}
	return measure.Median(cpu), nil
}
