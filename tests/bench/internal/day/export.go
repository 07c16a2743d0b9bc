// SPDX-License-Identifier: Apache-2.0

package day

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/dataset"
	"github.com/nodesec/nodesec/internal/export"
	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

const (
	// exportRows is about how many rows are exported, of twice as many features as the fleet has.
	exportRows = 1_000_000
	// exportTarget is how many rows a minute there shall be, and serverTarget how much longer it may take than the server alone.
	exportTarget = 1_000_000
	serverTarget = 1.3
)

// measureExport exports labelled samples as Parquet, and lets the server make the same files by itself.
func measureExport(ctx context.Context, s *server.Server, o Options) (report.Table, error) {
	t := report.Table{
		Title:   fmt.Sprintf("Export: labelled samples of %d features as Parquet", 2*len(fleet.Features())),
		Columns: []string{"", "rows", "s", "rows a minute", "of the server's own time", "target"},
		Note: "Training and side files, split by run, without the check for leaks. The server's own time: the same queries, one after the other, " +
			"with answers that are thrown away. Medians of 3, in turn.",
	}
	ticks := min(o.Ticks, exportRows/(o.Fleet.Nodes*o.Fleet.ContainersPerNode))
	if err := widen(ctx, s, o, ticks); err != nil {
		return t, err
	}
	var ours, theirs []float64
	var rows int64
	for range 3 {
		seconds, n, queries, err := exportOnce(ctx, s, o, ticks)
		if err != nil {
			return t, err
		}
		own, err := makeInServer(ctx, s, queries)
		if err != nil {
			return t, err
		}
		ours, theirs, rows = append(ours, seconds), append(theirs, own), n
	}
	mine, own := median(ours), median(theirs)
	perMinute := float64(rows) / mine * 60
	t.Add("nodesecctl export", fmt.Sprint(rows), report.Number(mine), fmt.Sprintf("%.0f", perMinute), report.Number(mine/own),
		report.AtLeast(perMinute, exportTarget, " rows a minute")+"; "+report.AtMost(mine/own, serverTarget, " times"))
	t.Add("ClickHouse by itself", fmt.Sprint(rows), report.Number(own), fmt.Sprintf("%.0f", float64(rows)/own*60), "1", "")
	return t, nil
}

func median(values []float64) float64 {
	a, b, c := values[0], values[1], values[2]
	return max(min(a, b), min(max(a, b), c))
}

// widen makes a table with each feature twice.
func widen(ctx context.Context, s *server.Server, o Options, ticks int) error {
	statements := []string{"CREATE DATABASE IF NOT EXISTS " + wide, "CREATE TABLE " + wide + ".container_samples AS " + table,
		"CREATE TABLE " + wide + ".annotations AS " + database + ".annotations", "INSERT INTO " + wide + ".annotations SELECT * FROM " + database + ".annotations"}
	var add, copies, names []string
	for _, f := range fleet.Features() {
		add = append(add, fmt.Sprintf("ADD COLUMN `%s_again` Float64 DEFAULT nan COMMENT '{\"metric\":\"%s.again\",\"type\":\"gauge\"}'", f.Name, f.Name))
		copies, names = append(copies, f.Name+" AS `"+f.Name+"_again`"), append(names, "`"+f.Name+"_again`")
	}
	statements = append(statements, "ALTER TABLE "+wide+".container_samples "+strings.Join(add, ", "),
		fmt.Sprintf("INSERT INTO %s.container_samples (* EXCEPT (%s), %s) SELECT *, %s FROM %s WHERE ts < fromUnixTimestamp64Milli(%d)", wide,
			strings.Join(names, ", "), strings.Join(names, ", "), strings.Join(copies, ", "), table, o.Fleet.Time(ticks).UnixMilli()),
		"OPTIMIZE TABLE "+wide+".container_samples FINAL")
	if err := s.Exec(ctx, statements...); err != nil {
		return err
	}
	return dataset.Create(ctx, client(s), wide)
}

// wide is the database with the wide table.
const wide = "nodesec_wide"

// silent shows no progress.
type silent struct{}

func (silent) Begin(int64) {}
func (silent) Wrote(int64) {}

// exportOnce returns the seconds, the rows, and the queries of the files.
func exportOnce(ctx context.Context, s *server.Server, o Options, ticks int) (seconds float64, rows int64, queries []clickhouse.Query, err error) {
	folder, err := os.MkdirTemp("", "nodesec-export-")
	if err != nil {
		return 0, 0, nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	options := export.DefaultOptions()
	options.From, options.To, options.Check = o.Fleet.Time(0), o.Fleet.Time(ticks), false
	exporter := export.Exporter{Client: client(s), Database: wide, Progress: silent{}, Version: "bench", OnQuery: func(q clickhouse.Query) { queries = append(queries, q) }}
	begin := time.Now()
	result, err := exporter.Run(ctx, filepath.Join(folder, "set"), options)
	if err != nil {
		return 0, 0, nil, err
	}
	for _, c := range result.Counts {
		rows += c.Rows
	}
	return time.Since(begin).Seconds(), rows, queries, nil
}

// makeInServer lets the server make the same files, which are thrown away, and returns the seconds. Its users may not write
// files on its disk.
func makeInServer(ctx context.Context, s *server.Server, queries []clickhouse.Query) (float64, error) {
	begin := time.Now()
	for _, q := range queries {
		if err := client(s).Exec(ctx, q); err != nil {
			return 0, err
		}
	}
	return time.Since(begin).Seconds(), nil
}
