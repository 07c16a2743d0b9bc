// SPDX-License-Identifier: Apache-2.0

// Package day measures our table with the samples of a whole day, made up inside the server: its size and the two
// queries that a sort key has to serve, a long time of one container and a short time of all.
package day

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

// Options say how much is measured.
type Options struct {
	Fleet fleet.Fleet
	Ticks int
	Runs  int // of each query
}

// The targets: milliseconds until the last byte, bytes per value.
const (
	entityTarget = 100
	windowTarget = 50
	bytesTarget  = 0.75
)

// Run fills the table and measures it.
func Run(ctx context.Context, s *server.Server, o Options, log *slog.Logger) ([]report.Table, error) {
	if err := fill(ctx, s, o, log); err != nil {
		return nil, err
	}
	rows, err := s.Float(ctx, "SELECT count() FROM "+table)
	if err != nil {
		return nil, err
	}
	if want := o.Fleet.Nodes * o.Fleet.ContainersPerNode * o.Ticks; rows != float64(want) {
		return nil, fmt.Errorf("the table has %.0f rows instead of %d", rows, want)
	}
	bytes, err := s.Float(ctx, fmt.Sprintf("SELECT sum(bytes_on_disk) FROM system.parts "+
		"WHERE active AND database = '%s' AND table = 'container_samples'", database))
	if err != nil {
		return nil, err
	}
	perValue := bytes / rows / float64(len(fleet.Features()))
	t := report.Table{
		Title: fmt.Sprintf("Day: %d containers x %d ticks, %.1f million rows of %d features",
			o.Fleet.Nodes*o.Fleet.ContainersPerNode, o.Ticks, rows/1e6, len(fleet.Features())),
		Columns: []string{"", "measured", "server CPU, ms", "target"},
		Note: fmt.Sprintf("Milliseconds until the last byte arrived over HTTP in Native format, medians of %d warm runs. "+
			"All parts merged; bytes on disk with indices and labels.", o.Runs),
	}
	t.Add("bytes per value", report.Number(perValue), "", report.AtMost(perValue, bytesTarget, ""))
	for _, q := range o.queries() {
		wall, cpu, err := q.time(ctx, s, o.Runs)
		if err != nil {
			return nil, err
		}
		t.Add(q.name, report.Number(wall)+" ms", report.Number(cpu), report.AtMost(wall, q.target, " ms"))
	}
	labels, err := measureLabels(ctx, s, o)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	exported, err := measureExport(ctx, s, o)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return []report.Table{t, labels, exported}, nil
}

// query is a question with the time that it may take.
type query struct {
	name, sql string
	rows      int
	target    float64
}

func (o *Options) queries() []query {
	middle := o.Fleet.Time(o.Ticks / 2)
	const window = 10 * time.Minute
	var names []string
	for _, f := range fleet.Selection() {
		names = append(names, f.Name)
	}
	return []query{
		{
			name: "all features of one container, the day",
			sql: fmt.Sprintf("SELECT * EXCEPT (attributes, rules, techniques, more) FROM %s "+
				"WHERE entity = (SELECT entity FROM %s WHERE c = 7)", table, seeds),
			rows: o.Ticks, target: entityTarget,
		},
		{
			name: "10 features of all containers, 10 minutes",
			sql: fmt.Sprintf("SELECT entity, ts, %s FROM %s WHERE ts >= fromUnixTimestamp64Milli(%d) "+
				"AND ts < fromUnixTimestamp64Milli(%d)", strings.Join(names, ", "), table,
				middle.UnixMilli(), middle.Add(window).UnixMilli()),
			rows:   o.Fleet.Nodes * o.Fleet.ContainersPerNode * int(window/o.Fleet.Interval),
			target: windowTarget,
		},
	}
}

// time runs the query, once to warm the caches and to count its rows, and returns medians in milliseconds.
func (q *query) time(ctx context.Context, s *server.Server, runs int) (wall, cpu float64, err error) {
	rows, err := s.Lines(ctx, q.sql)
	if err != nil {
		return 0, 0, err
	}
	if len(rows) != q.rows {
		return 0, 0, fmt.Errorf("%s: %d rows instead of %d", q.name, len(rows), q.rows)
	}
	var walls, cpus []float64
	for range runs {
		timing, err := s.Time(ctx, q.sql+" FORMAT Native")
		if err != nil {
			return 0, 0, err
		}
		walls = append(walls, timing.Wall.Seconds()*1e3)
		cpus = append(cpus, timing.CPU.Seconds()*1e3)
	}
	return measure.Median(walls), measure.Median(cpus), nil
}
