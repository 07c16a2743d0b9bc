// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/dataset"
	"github.com/nodesec/nodesec/internal/export"
)

func newExportCommand() *cobra.Command {
	var on target
	var output, scope, from, to, shares string
	var accepted []string
	o := export.DefaultOptions()
	cmd := &cobra.Command{
		Use:   "export --output FOLDER",
		Short: "Write labelled samples to a folder of files to learn from, split and checked",
		Long: "Write the samples that have a label to a folder: files with features and labels, split so that nothing leaks, beside\n" +
			"them who and when it was, and a data card. The data are checked for leaks first. The folder appears when all is\n" +
			"written; an export that was interrupted goes on where it was when the same command is given again.\n\n" +
			"Times are RFC 3339, as 2026-03-02T10:00:00Z, or how long ago, as 5m.",
		Example: `  nodesecctl export --output dataset --from 1h --split run
  nodesecctl export --output unseen --from 1h --split technique --holdout T1496.001 --format csv
  nodesecctl export --output small --from 1h --features 'exec_*,network_*' --window 10 --aggregate mean,max`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			var err error
			o.Scope = dataset.Scope(scope)
			if o.From, err = parseTime(from, now); err != nil {
				return fmt.Errorf("--from: %w", err)
			}
			if o.To, err = parseTime(to, now); err != nil {
				return fmt.Errorf("--to: %w", err)
			}
			if o.Shares, err = parseShares(shares); err != nil {
				return err
			}
			if o.Accepted, err = parseAccepted(accepted); err != nil {
				return err
			}
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				return runExport(ctx, cmd, store, output, o)
			})
		},
	}
	on.addFlags(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&output, "output", "", "folder to make")
	flags.StringVar(&scope, "scope", string(o.Scope), "what a row is about: node, container or process")
	flags.StringVar(&from, "from", "24h", "begin of the time, part of it")
	flags.StringVar(&to, "to", "0s", "end of the time, not part of it")
	flags.StringSliceVar(&o.Features, "features", nil, "patterns of the features to take, as exec_*; !pattern takes out")
	flags.IntVar(&o.Window, "window", o.Window, "ticks that become one row")
	flags.StringSliceVar(&o.Aggregates, "aggregate", o.Aggregates, "what is made of a window: mean, max, sum, last")
	flags.StringVar(&o.Split, "split", o.Split, "what stays together: "+strings.Join(export.Splits(), ", "))
	flags.StringSliceVar(&o.Holdout, "holdout", nil, "techniques that only the test split has (default with --split technique: a third)")
	flags.StringVar(&shares, "shares", "0.6,0.2,0.2", "parts of train, validation and test")
	flags.Uint64Var(&o.Seed, "seed", o.Seed, "decides which group goes into which split")
	flags.StringVar(&o.Format, "format", o.Format, "parquet, csv or arrow")
	flags.BoolVar(&o.Check, "check", o.Check, "check for leaks, and export nothing if there is one")
	flags.StringArrayVar(&accepted, "accept", nil, "a leak that is known and wanted, as column=reason")
	flags.StringVar(&o.Name, "name", o.Name, "name of the data set")
	flags.StringVar(&o.License, "license", o.License, "address of the license")
	flags.StringVar(&o.Creator, "creator", o.Creator, "who made it")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

func runExport(ctx context.Context, cmd *cobra.Command, store annotation.Store, output string, o export.Options) error {
	if err := dataset.Create(ctx, store.Client, store.Database); err != nil {
		return err
	}
	bar := &exportProgress{out: cmd.ErrOrStderr()}
	exporter := export.Exporter{Client: store.Client, Database: store.Database, Progress: bar, Version: version}
	result, err := exporter.Run(ctx, output, o)
	bar.end()
	printExport(cmd.OutOrStdout(), result)
	if errors.Is(err, export.ErrLeak) {
		return fmt.Errorf("%w: nothing was exported; mend the data, leave the column out (--features '!NAME'), or accept it with its reason "+
			"(--accept NAME=REASON)", err)
	}
	return err
}

// printExport says what came out.
func printExport(out io.Writer, result export.Result) {
	if r := result.Report; r != nil {
		for _, f := range r.Failures {
			fmt.Fprintf(out, "FAIL     %s: %s\n", f.Check, f.Text)
		}
		for _, f := range r.Accepted {
			fmt.Fprintf(out, "accepted %s: %s (%s)\n", f.Check, f.Text, f.Reason)
		}
		for _, f := range r.Warnings {
			fmt.Fprintf(out, "warning  %s: %s\n", f.Check, f.Text)
		}
		if len(r.Separation) > 0 {
			fmt.Fprintf(out, "the column that alone tells most: %s, AUC %.3f; %d of %d rows looked at, %d duplicates; %d marks, at most %d ticks late\n",
				r.Separation[0].Column, r.Separation[0].AUC, r.Rows, r.Total, r.Duplicates, r.Marks, r.Late)
		}
	}
	if len(result.Files) == 0 {
		return
	}
	var rows, bytes int64
	for _, n := range result.Counts {
		rows += n.Rows
	}
	for _, f := range result.Files {
		bytes += f.Size
	}
	fmt.Fprintf(out, "%s: %d rows, %d files, %.1f MB\n", result.Folder, rows, len(result.Files), float64(bytes)/1e6)
}

func parseShares(text string) (shares [3]float64, err error) {
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return shares, fmt.Errorf("--shares: must be three numbers as 0.6,0.2,0.2, got %q", text)
	}
	for i, part := range parts {
		if shares[i], err = strconv.ParseFloat(strings.TrimSpace(part), 64); err != nil {
			return shares, fmt.Errorf("--shares: must be three numbers as 0.6,0.2,0.2, got %q", text)
		}
	}
	return shares, nil
}

func parseAccepted(texts []string) (map[string]string, error) {
	accepted := map[string]string{}
	for _, text := range texts {
		column, reason, found := strings.Cut(text, "=")
		if !found || column == "" || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("--accept: must be column=reason, got %q", text)
		}
		accepted[column] = reason
	}
	return accepted, nil
}

// exportProgress shows a bar with rate and time left on a terminal.
type exportProgress struct {
	out io.Writer
	bar *progressbar.ProgressBar
}

func (p *exportProgress) Begin(rows int64) {
	if !isTerminal(p.out) {
		return
	}
	p.bar = progressbar.NewOptions64(rows, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription("rows"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
}

func (p *exportProgress) Wrote(rows int64) {
	if p.bar != nil {
		_ = p.bar.Add64(rows)
	}
}

func (p *exportProgress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
	}
}
