// SPDX-License-Identifier: Apache-2.0

package export

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nodesec/nodesec/internal/clickhouse"
)

// card writes what stands beside the data.
type card struct {
	exporter *Exporter
	folder   *folder
	source   *source
	result   *Result
	interval time.Duration
}

func (c *card) write(ctx context.Context) error {
	scaler, err := c.scaler(ctx)
	if err != nil {
		return err
	}
	counts, err := json.MarshalIndent(c.result.Counts, "", "  ")
	if err != nil {
		return err
	}
	report := []byte("null\n")
	if c.result.Report != nil {
		if report, err = json.MarshalIndent(c.result.Report, "", "  "); err != nil {
			return err
		}
	}
	splits, err := json.MarshalIndent(c.source.splits, "", "  ")
	if err != nil {
		return err
	}
	for _, file := range []struct{ path, text string }{
		{"scaler.json", scaler}, {"counts.json", string(counts) + "\n"}, {"check.json", string(report) + "\n"},
		{"splits.json", string(splits) + "\n"}, {"DATASHEET.md", c.datasheet()}, {"reproduce.sh", c.reproduce()},
	} {
		if err := c.folder.text(file.path, file.text); err != nil {
			return err
		}
	}
	if err := c.folder.write("dictionary.csv", 0, c.dictionary); err != nil {
		return err
	}
	croissant, err := c.croissant()
	if err != nil {
		return err
	}
	if err := c.folder.text("croissant.json", croissant); err != nil {
		return err
	}
	return c.folder.text("SHA256SUMS", c.sums())
}

// scaling is what a feature is like in the training split.
type scaling struct {
	Mean, Std, Min, Max, Median *float64
	Missing                     int64
}

// scaler computes the statistics by which features are scaled, of the training split alone.
func (c *card) scaler(ctx context.Context) (string, error) {
	split := train
	if c.source.options.Split == "none" {
		split = all
	}
	statistics := map[string]scaling{}
	names := c.source.featureNames()
	for first := 0; first < len(names); first += 50 {
		some := names[first:min(first+50, len(names))]
		var columns []string
		for i, name := range some {
			v := c.source.inner(name)
			for _, s := range []struct{ name, call string }{
				{"Mean", "avgOrNullIf(%[1]s, NOT isNaN(%[1]s))"}, {"Std", "stddevPopOrNullIf(%[1]s, NOT isNaN(%[1]s))"},
				{"Min", "minOrNullIf(%[1]s, NOT isNaN(%[1]s))"}, {"Max", "maxOrNullIf(%[1]s, NOT isNaN(%[1]s))"},
				{"Median", "quantileTDigestOrNullIf(0.5)(%[1]s, NOT isNaN(%[1]s))"}, {"Missing", "countIf(isNaN(%[1]s))"},
			} {
				columns = append(columns, fmt.Sprintf(s.call+" AS `%d.%s`", v, i, s.name))
			}
		}
		o := c.source.options
		row, err := clickhouse.One[map[string]*float64](ctx, c.exporter.Client, query("SELECT "+strings.Join(columns, ", ")+" FROM ("+
			c.source.rows(o.From, o.To, c.source.chosen.features)+") AS r WHERE `#split` = '"+split+"'"))
		if err != nil {
			return "", fmt.Errorf("compute statistics of the training split: %w", err)
		}
		for i, name := range some {
			get := func(statistic string) *float64 { return row[fmt.Sprintf("%d.%s", i, statistic)] }
			s := scaling{Mean: get("Mean"), Std: get("Std"), Min: get("Min"), Max: get("Max"), Median: get("Median")}
			if missing := get("Missing"); missing != nil {
				s.Missing = int64(*missing)
			}
			statistics[name] = s
		}
	}
	text, err := json.MarshalIndent(map[string]any{"split": split, "features": statistics}, "", "  ")
	return string(text) + "\n", err
}

// dictionary says what each column is, from the comments of the database's columns.
func (c *card) dictionary(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"file", "column", "type", "unit", "metric", "kind", "temporality", "description", "why_aside"})
	for _, f := range c.source.chosen.features {
		names := []string{f.Name}
		if c.source.options.Window > 1 {
			names = nil
			for _, aggregate := range c.source.options.Aggregates {
				names = append(names, f.Name+"_"+aggregate)
			}
		}
		for _, name := range names {
			_ = out.Write([]string{"data", name, f.Type, f.Unit, f.Metric, f.Kind, f.Temporality, f.Description, ""})
		}
	}
	_ = out.Write([]string{"data", "label", "String", "", "", "", "", "Ground truth: attack, overload, admin or benign", ""})
	for _, name := range truth() {
		_ = out.Write([]string{"side", name, "String", "", "", "", "", "Ground truth", "the answer"})
	}
	for _, column := range c.source.chosen.aside {
		why := column.Aside()
		if !column.IsFeature() {
			why = "says who or when it was, or what rules thought of it"
		}
		_ = out.Write([]string{"side", column.Name, column.Type, column.Unit, column.Metric, column.Kind, column.Temporality, column.Description, why})
	}
	out.Flush()
	return out.Error()
}

// reproduce is how to make the data set again.
func (c *card) reproduce() string {
	o := c.source.options
	arguments := []string{
		"nodesecctl export", "--scope " + string(o.Scope), "--from " + o.From.UTC().Format(time.RFC3339Nano),
		"--to " + o.To.UTC().Format(time.RFC3339Nano), "--split " + o.Split, fmt.Sprintf("--seed %d", o.Seed), "--format " + o.Format,
		fmt.Sprintf("--shares %g,%g,%g", o.Shares[0], o.Shares[1], o.Shares[2]), fmt.Sprintf("--window %d", o.Window),
		"--aggregate " + shellQuote(strings.Join(o.Aggregates, ",")), fmt.Sprintf("--check=%t", o.Check), "--name " + shellQuote(o.Name),
		"--license " + shellQuote(o.License), "--creator " + shellQuote(o.Creator),
	}
	for _, pattern := range o.Features {
		arguments = append(arguments, "--features "+shellQuote(pattern))
	}
	for _, id := range o.Holdout {
		arguments = append(arguments, "--holdout "+shellQuote(id))
	}
	for _, column := range slices.Sorted(maps.Keys(o.Accepted)) {
		arguments = append(arguments, "--accept "+shellQuote(column+"="+o.Accepted[column]))
	}
	return "#!/bin/sh\n# Makes this data set again, with nodesecctl " + c.exporter.Version + ", from a database with the same samples and annotations.\n" +
		"# Other parts of the same lab runs: see the column run of the side files, which has scenario and seed.\nset -eu\nexec " +
		strings.Join(arguments, " \\\n  ") + " \"$@\"\n"
}

func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// sums is what sha256sum --check reads.
func (c *card) sums() string {
	var b strings.Builder
	for _, file := range c.folder.state.Files {
		if file.Path != "SHA256SUMS" {
			fmt.Fprintf(&b, "%s  %s\n", file.SHA256, file.Path)
		}
	}
	return b.String()
}
