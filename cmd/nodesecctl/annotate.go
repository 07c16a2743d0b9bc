// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/dataset"
)

func newAnnotateCommand() *cobra.Command {
	var on target
	cmd := &cobra.Command{
		Use:   "annotate",
		Short: "Write down what was going on: the ground truth of the data set",
		Long: "Add, list and retract annotations: a window of time, the entities that it is about, and a label. They are\n" +
			"kept in the table annotations, apart from the samples, and joined when the data set is read.",
	}
	on.addFlags(cmd.PersistentFlags())
	cmd.AddCommand(newAnnotateAddCommand(&on), newAnnotateListCommand(&on), newAnnotateRetractCommand(&on),
		newAnnotateImportCommand(&on), newAnnotateExportCommand(&on))
	return cmd
}

// target is the database that a sub-command works on.
type target struct{ path, address, database string }

func (t *target) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&t.path, "path", defaultPath(), "data folder of the embedded ClickHouse")
	flags.StringVar(&t.address, "url", "", "HTTP address of another ClickHouse, as http://host:8123")
	flags.StringVar(&t.database, "database", "nodesec", "name of the database")
}

// withStore calls do with the annotations of the database, whose table and views it makes first.
func (t *target) withStore(cmd *cobra.Command, do func(context.Context, annotation.Store) error) (err error) {
	c, stop, err := connect(cmd, t.address, t.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	store := annotation.Store{Client: c, Database: t.database}
	if err := store.Create(cmd.Context()); err != nil {
		return err
	}
	if err := dataset.Create(cmd.Context(), c, t.database); err != nil {
		return err
	}
	return do(cmd.Context(), store)
}

func newAnnotateAddCommand(on *target) *cobra.Command {
	a := annotation.Annotation{Source: "person", Author: currentUser()}
	var start, end, label string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add an annotation",
		Long: "Add an annotation and print its id. Overlaps with others are warnings on standard error.\n\n" +
			"Times are RFC 3339, as 2026-03-02T10:00:00Z, or how long ago, as 5m; --end is now by default.",
		Example: `  nodesecctl annotate add --label attack --technique T1059.004 --container web --start 5m --note "reverse shell"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			var err error
			if a.Start, err = parseTime(start, now); err != nil {
				return fmt.Errorf("--start: %w", err)
			}
			if a.End, err = parseTime(end, now); err != nil {
				return fmt.Errorf("--end: %w", err)
			}
			a.ID, a.Label = annotation.NewID(), annotation.Label(label)
			if err := a.Validate(); err != nil {
				return err
			}
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				added := []annotation.Annotation{a}
				if err := warnOverlaps(ctx, cmd.ErrOrStderr(), store, added); err != nil {
					return err
				}
				if err := store.Insert(ctx, added); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), a.ID)
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&start, "start", "", "begin of the window")
	flags.StringVar(&end, "end", "0s", "end of the window")
	flags.StringVar(&label, "label", "", "attack, overload, admin or benign")
	addAnnotationFlags(flags, &a)
	return cmd
}

// addAnnotationFlags are those that are fields of an annotation as they stand.
func addAnnotationFlags(flags *pflag.FlagSet, a *annotation.Annotation) {
	flags.StringVar(&a.Technique, "technique", "", "id of ATT&CK, as T1059.004")
	flags.StringVar(&a.Run, "run", "", "run of which the window is part")
	flags.StringVar(&a.Scenario, "scenario", "", "scenario of the run")
	flags.StringVar(&a.Step, "step", "", "step of the scenario")
	flags.StringVar(&a.Cluster, "cluster", "", "entities in this cluster")
	flags.StringVar(&a.Node, "node", "", "entities on this node")
	flags.StringVar(&a.Namespace, "namespace", "", "entities in this namespace")
	flags.StringVar(&a.Workload, "workload", "", "entities of this workload")
	flags.StringVar(&a.Pod, "pod", "", "name or UID of the pod")
	flags.StringVar(&a.Container, "container", "", "name, ID or cgroup path of the container")
	flags.Uint32Var(&a.PID, "pid", 0, "process")
	flags.StringVar(&a.Role, "role", "", "role of the entity, as attacker or victim")
	flags.StringVar(&a.Outcome, "outcome", "", "what came of it")
	flags.StringVar(&a.Author, "author", a.Author, "who says so")
	flags.StringVar(&a.Note, "note", "", "free text")
}

func newAnnotateListCommand(on *target) *cobra.Command {
	var filter annotationFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List annotations",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := filter.parse()
			if err != nil {
				return err
			}
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				all, err := store.List(ctx, f)
				if err != nil {
					return err
				}
				return printAnnotations(cmd.OutOrStdout(), all)
			})
		},
	}
	filter.addFlags(cmd.Flags())
	return cmd
}

func printAnnotations(out io.Writer, all []annotation.Annotation) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tLABEL\tTECHNIQUE\tRUN\tSTEP\tFROM\tTO\tWHERE\tNOTE")
	for i := range all {
		a := &all[i]
		if a.Retracts != "" {
			fmt.Fprintf(w, "%s\tretracts %s\t\t\t\t%s\t\t\t%q\n", a.ID, a.Retracts, a.Created.Format(time.RFC3339), a.Note)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%q\n", a.ID, a.Label, a.Technique, a.Run, a.Step,
			a.Start.Format(time.RFC3339Nano), a.End.Format(time.RFC3339Nano), &a.Selector, a.Note)
	}
	return w.Flush()
}

// annotationFilter are the flags that narrow a list down.
type annotationFilter struct {
	annotation.Filter
	label, from, to string
}

func (f *annotationFilter) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.Run, "run", "", "those of this run")
	flags.StringVar(&f.Scenario, "scenario", "", "those of this scenario")
	flags.StringVar(&f.Technique, "technique", "", "those of this technique")
	flags.StringVar(&f.label, "label", "", "those with this label")
	flags.StringVar(&f.from, "from", "", "those that end after this time")
	flags.StringVar(&f.to, "to", "", "those that begin before this time")
	flags.BoolVar(&f.All, "all", false, "also retracted ones, and the retractions")
}

func (f *annotationFilter) parse() (annotation.Filter, error) {
	f.Label = annotation.Label(f.label)
	var err error
	if f.From, err = parseTime(f.from, time.Now()); err != nil && f.from != "" {
		return annotation.Filter{}, fmt.Errorf("--from: %w", err)
	}
	if f.To, err = parseTime(f.to, time.Now()); err != nil && f.to != "" {
		return annotation.Filter{}, fmt.Errorf("--to: %w", err)
	}
	return f.Filter, nil
}

func newAnnotateRetractCommand(on *target) *cobra.Command {
	var note string
	author := currentUser()
	cmd := &cobra.Command{
		Use:   "retract ID...",
		Short: "Say that annotations are no longer true",
		Long:  "Add a row for each of the annotations that says it is no longer true. Nothing is deleted.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				return store.Retract(ctx, ids, author, note)
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "why")
	cmd.Flags().StringVar(&author, "author", author, "who says so")
	return cmd
}

// warnOverlaps prints a line for each pair of annotations that may contradict each other.
func warnOverlaps(ctx context.Context, out io.Writer, store annotation.Store, added []annotation.Annotation) error {
	var filter annotation.Filter
	for i := range added {
		if a := &added[i]; a.Retracts == "" {
			if filter.From.IsZero() || a.Start.Before(filter.From) {
				filter.From = a.Start
			}
			if a.End.After(filter.To) {
				filter.To = a.End
			}
		}
	}
	there, err := store.List(ctx, filter)
	if err != nil {
		return err
	}
	for _, overlap := range annotation.Overlaps(added, there) {
		fmt.Fprintln(out, "warning:", overlap)
	}
	return nil
}

// parseTime reads a time, or how long before now it was.
func parseTime(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("must be a time as 2026-03-02T10:00:00Z, or how long ago as 5m, got %q", text)
	}
	return t, nil
}

func currentUser() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
