// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/lab/actor"
	"github.com/nodesec/nodesec/lab/runner"
)

func newLabRunCommand(from *string) *cobra.Command {
	var on target
	var o runner.Options
	var own bool
	cmd := &cobra.Command{
		Use:   "run [SCENARIO...]",
		Short: "Act scenarios out and annotate what happened",
		Long: "Act scenarios out (all of them without a name) while an agent samples this host, and write each step's window\n" +
			"into the table annotations and all that happened into a file under --records.\n\n" +
			"Needs root, a running agent (nodesecctl up), and a host that is marked as a lab: touch " + runner.HostMarker + ".",
		RunE: func(cmd *cobra.Command, names []string) error {
			if !own {
				if err := runner.CheckHost(runner.HostMarker); err != nil {
					return err
				}
			}
			all, err := loadScenarios(*from, names)
			if err != nil {
				return err
			}
			o.Scenarios, o.Progress = all, cmd.OutOrStdout()
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				return runLab(ctx, o, store)
			})
		},
	}
	on.addFlags(cmd.Flags())
	flags := cmd.Flags()
	flags.Uint64Var(&o.Seed, "seed", 1, "seed of the first run of a scenario; the others follow")
	flags.IntVar(&o.Runs, "runs", 1, "how often each scenario is run")
	flags.IntVar(&o.Parallel, "parallel", 1, "how many runs go on at the same time")
	flags.StringVar(&o.Records, "records", "lab-records", "folder for the records of the runs")
	flags.BoolVar(&own, "i-own-this-host", false, "act on this host though it is not marked as a lab")
	return cmd
}

func runLab(ctx context.Context, o runner.Options, store annotation.Store) (err error) {
	stage, err := actor.Open(actor.DefaultFolder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	return runner.Session(ctx, stage, o, store)
}

func newLabVerifyCommand() *cobra.Command {
	var on target
	var folder string
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compare the records of runs with the annotations and samples in the database",
		Long: "Compare the records of runs with what the database has of them: every annotation, a sample of each actor at\n" +
			"each tick, and at which tick the agent saw each step begin. The exit status is 1 if something is wrong.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			records, err := runner.ReadRecords(folder)
			if err != nil {
				return err
			}
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				return verify(ctx, cmd.OutOrStdout(), records, store, interval)
			})
		},
	}
	on.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&folder, "records", "lab-records", "folder with the records of the runs")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "the agent's sampling interval")
	return cmd
}

// verify prints a line per run.
func verify(ctx context.Context, out io.Writer, records []*runner.Record, store annotation.Store, interval time.Duration) error {
	samples := runner.Samples{Client: store.Client, Database: store.Database}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tSTEPS\tNOT DONE\tUNSEEN\tTICKS LATE\tSAMPLES\tMISSING\tVERDICT")
	wrong := 0
	for _, r := range records {
		v, err := runner.Verify(ctx, r, store, samples, interval)
		if err != nil {
			return err
		}
		verdict := "ok"
		if v.Err != nil {
			wrong++
			verdict = v.Err.Error()
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", r.ID, len(r.Steps), v.Failed, v.Unseen, v.Late, v.Ticks, v.Missing, verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d runs differ from what the database has of them", wrong, len(records))
	}
	return nil
}
