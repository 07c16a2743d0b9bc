// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/runner"
	"github.com/nodesec/nodesec/lab/scenario"
	"github.com/nodesec/nodesec/lab/scenarios"
)

func newLabCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Act out attacks and everyday work, and write down when what happened",
		Long: "The lab acts out scenarios in containers that it makes for them and removes again: attacks as a sensor sees\n" +
			"them, and work that looks like one. All are harmless: the network is loopback alone, files are in memory,\n" +
			"memory, processors, processes and time are bounded. Each step's window becomes an annotation, the ground\n" +
			"truth of the data set.",
	}
	cmd.PersistentFlags().StringVar(&from, "scenarios", "", "folder with scenarios of your own, in place of the built-in ones")
	cmd.AddCommand(newLabListCommand(&from), newLabPlanCommand(&from), newLabRunCommand(&from), newLabVerifyCommand())
	return cmd
}

// loadScenarios reads the scenarios of the folder, or the built-in ones, and checks them. Names narrow them down; no name
// means all.
func loadScenarios(folder string, names []string) ([]*scenario.Scenario, error) {
	load := scenarios.All
	if folder != "" {
		load = func() ([]*scenario.Scenario, error) { return scenario.Load(os.DirFS(folder)) }
	}
	all, err := load()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no scenarios in %s: want a folder with a file NAME.yaml for each", folder)
	}
	byName := map[string]*scenario.Scenario{}
	for _, s := range all {
		if err := runner.Check(s); err != nil {
			return nil, err
		}
		byName[s.Name] = s
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []*scenario.Scenario
	for _, name := range names {
		if byName[name] == nil {
			return nil, fmt.Errorf("there is no scenario %q; nodesecctl lab list lists them", name)
		}
		chosen = append(chosen, byName[name])
	}
	return chosen, nil
}

func newLabListCommand(from *string) *cobra.Command {
	var actions bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios, or the actions that they are made of",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if actions {
				return listActions(cmd.OutOrStdout())
			}
			all, err := loadScenarios(*from, nil)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SCENARIO\tLABEL\tTECHNIQUES\tWHAT HAPPENS")
			for _, s := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Label, strings.Join(s.Techniques(), ","), s.Description)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&actions, "actions", false, "list the actions and their parameters")
	return cmd
}

func listActions(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ACTION\tROLE\tTECHNIQUES\tWHAT IT DOES")
	for _, a := range action.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Name, a.Role, strings.Join(a.Techniques, ","), a.Description)
		for _, p := range a.Parameters {
			values := strings.Join(p.Choices, "|")
			if values == "" {
				values = fmt.Sprintf("%d..%d", p.Least, p.Most)
			}
			fmt.Fprintf(w, "  %s=%s\t\t%s\t%s\n", p.Name, p.Default, values, p.Description)
		}
	}
	return w.Flush()
}

func newLabPlanCommand(from *string) *cobra.Command {
	var seed uint64
	cmd := &cobra.Command{
		Use:   "plan [SCENARIO...]",
		Short: "Print what a run with a seed would do, and do nothing",
		RunE: func(cmd *cobra.Command, names []string) error {
			all, err := loadScenarios(*from, names)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SCENARIO\tWAIT\tSTEP\tLABEL\tTECHNIQUE\tACTOR\tACTION")
			for _, s := range all {
				plan := s.Plan(seed)
				for _, t := range plan.Background {
					fmt.Fprintf(w, "%s\t\t\tbenign\t\t%s\t%s %s\n", s.Name, t.Actor, t.Action, paramText(t.Params))
				}
				for _, t := range plan.Steps {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s %s\n", s.Name, t.Wait.Round(time.Millisecond), t.Step, t.Label,
						t.Technique, t.Actor, t.Action, paramText(t.Params))
				}
			}
			return w.Flush()
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "decides what the scenario leaves open")
	return cmd
}

// paramText is like the map's, without its brackets.
func paramText(params map[string]string) string {
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(params), "map["), "]")
}
