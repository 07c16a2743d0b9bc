// SPDX-License-Identifier: Apache-2.0

package export

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
)

// Progress hears how far an export is.
type Progress interface {
	// Begin tells how many rows there are to write.
	Begin(rows int64)
	// Wrote tells that so many more are written, or were there already.
	Wrote(rows int64)
}

// Count is how many rows a split has of a label and a technique.
type Count struct {
	Split, Label, Technique string
	Rows                    int64
}

// Result is what came out.
type Result struct {
	Folder string
	Files  []File
	Counts []Count
	Report *Report // nil: nothing was checked
}

// ErrLeak is an export whose data fail the check for leaks. The report says why.
var ErrLeak = errors.New("the data fail the check for leaks")

// Exporter writes data sets from one database.
type Exporter struct {
	Client   clickhouse.Client
	Database string
	Progress Progress
	Version  string // of the program, for the data card
	// OnQuery, if it is there, hears the query of each file that is written, in their order.
	OnQuery func(clickhouse.Query)
}

// Run exports into the folder, which appears when all is written. Data that fail the check are not exported; the result has the
// report all the same.
func (e *Exporter) Run(ctx context.Context, output string, o Options) (Result, error) {
	if err := o.Validate(); err != nil {
		return Result{}, err
	}
	if err := isFree(output); err != nil {
		return Result{}, err
	}
	s, err := e.prepare(ctx, &o)
	if err != nil {
		return Result{}, err
	}
	interval, err := readInterval(ctx, e.Client, s)
	if err != nil {
		return Result{}, err
	}
	minutes, err := readMinutes(ctx, e.Client, s)
	if err != nil {
		return Result{}, err
	}
	parts := planParts(minutes, &o, interval, rowsPerPart)
	perPart, err := e.countParts(ctx, s, parts)
	if err != nil {
		return Result{}, err
	}
	result := Result{Folder: output, Counts: total(perPart)}
	if len(result.Counts) == 0 {
		return result, errors.New("no sample in this time has a label: annotate it, or run the lab")
	}
	if o.Check {
		checker := checker{client: e.Client, source: s, interval: interval, counts: result.Counts,
			annotations: annotation.Store{Client: e.Client, Database: e.Database}}
		if result.Report, err = checker.run(ctx); err != nil {
			return result, err
		}
		if len(result.Report.Failures) > 0 {
			return result, ErrLeak
		}
	}
	f, err := open(output, o)
	if err != nil {
		return result, err
	}
	if err := e.writeData(ctx, f, s, parts, perPart); err != nil {
		return result, err
	}
	card := card{exporter: e, folder: f, source: s, result: &result, interval: interval}
	if err := card.write(ctx); err != nil {
		return result, err
	}
	result.Files = f.state.Files
	return result, f.finish()
}

// prepare decides on columns and splits.
func (e *Exporter) prepare(ctx context.Context, o *Options) (*source, error) {
	columns, err := readColumns(ctx, e.Client, e.Database, o.Scope)
	if err != nil {
		return nil, err
	}
	s := &source{options: o, database: e.Database}
	if s.chosen, err = choose(columns, o.Features); err != nil {
		return nil, err
	}
	if o.Split == "none" {
		return s, nil
	}
	groups, err := clickhouse.Select[group](ctx, e.Client, query(s.groups()))
	if err != nil {
		return nil, fmt.Errorf("find what belongs together: %w", err)
	}
	s.splits, err = assign(groups, o)
	return s, err
}

// query allows texts of any length: they name every group.
func query(text string) clickhouse.Query {
	return clickhouse.Query{Text: text, Settings: map[string]string{
		"max_query_size": "1073741824", "max_ast_elements": "10000000", "max_expanded_ast_elements": "10000000",
	}}
}

// countParts counts the rows of each part, split, label and technique.
func (e *Exporter) countParts(ctx context.Context, s *source, parts []part) ([][]Count, error) {
	counts := make([][]Count, len(parts))
	for i, p := range parts {
		var err error
		if counts[i], err = clickhouse.Select[Count](ctx, e.Client, query(s.counts(p.From, p.To))); err != nil {
			return nil, fmt.Errorf("count the rows: %w", err)
		}
	}
	return counts, nil
}

// total adds up the parts.
func total(parts [][]Count) []Count {
	sums := map[Count]int64{}
	for _, counts := range parts {
		for _, c := range counts {
			rows := c.Rows
			c.Rows = 0
			sums[c] += rows
		}
	}
	var all []Count
	for c, rows := range sums {
		c.Rows = rows
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Count) int {
		return slices.Compare([]string{a.Split, a.Label, a.Technique}, []string{b.Split, b.Label, b.Technique})
	})
	return all
}

// bySplit are the rows of each split.
func bySplit(counts []Count) map[string]int64 {
	rows := map[string]int64{}
	for _, c := range counts {
		rows[c.Split] += c.Rows
	}
	return rows
}

// writeData writes the training and side files of all parts and splits.
func (e *Exporter) writeData(ctx context.Context, f *folder, s *source, parts []part, counts [][]Count) error {
	var rows int64
	for _, n := range bySplit(total(counts)) {
		rows += n
	}
	e.Progress.Begin(rows)
	for i, p := range parts {
		have := bySplit(counts[i])
		for _, split := range slices.Sorted(maps.Keys(have)) {
			n := have[split]
			name := fmt.Sprintf("part-%05d.%s", i, s.options.Format)
			if err := e.fetch(ctx, f, s.dataFile(p.From, p.To, split), "data/"+split+"/"+name, n, s.options.Format); err != nil {
				return err
			}
			if err := e.fetch(ctx, f, s.sideFile(p.From, p.To, split), "side/"+split+"/"+name, n, s.options.Format); err != nil {
				return err
			}
			e.Progress.Wrote(n)
		}
	}
	return nil
}

// fetch writes the answer of a query into a file of the folder.
func (e *Exporter) fetch(ctx context.Context, f *folder, text, path string, rows int64, format string) error {
	q := formatted(text, format)
	if e.OnQuery != nil {
		e.OnQuery(q)
	}
	return f.fetch(ctx, e.Client, q, path, rows)
}

// formatted asks for the answer as a file.
func formatted(text, format string) clickhouse.Query {
	q := query(text)
	q.Format = map[string]string{"parquet": "Parquet", "csv": "CSVWithNames", "arrow": "Arrow"}[format]
	q.Settings["output_format_parquet_compression_method"] = "zstd"
	q.Settings["output_format_parquet_string_as_string"] = "1"
	q.Settings["output_format_arrow_compression_method"] = "zstd"
	q.Settings["output_format_arrow_string_as_string"] = "1"
	q.Settings["output_format_arrow_low_cardinality_as_dictionary"] = "0"
	q.Settings["date_time_output_format"] = "iso"
	return q
}
