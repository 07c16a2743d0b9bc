// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/processors/rules"
)

func newRulesCommand() *cobra.Command {
	cfg := rules.NewDefaultConfig()
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Test, list and explain the rules that tag samples",
		Long: "Test, list and explain the rules that tag samples: those of the default pack and those of the files given,\n" +
			"which may change the ones of the pack.",
	}
	flags := cmd.PersistentFlags()
	flags.StringSliceVar(&cfg.Files, "files", nil, "rule files, or patterns")
	flags.StringVar(&cfg.Pack, "pack", cfg.Pack, "the pack of rules that the files are added to: default or none")
	flags.StringSliceVar(&cfg.ExtraFeatures, "extra-features", nil, "regular expressions for features of other receivers")
	load := func() (*rules.Rules, error) {
		if err := cfg.Validate(); err != nil {
			return nil, err
		}
		return rules.Load(cfg)
	}
	cmd.AddCommand(newRulesTestCommand(cfg, load), newRulesListCommand(load), newRulesExplainCommand(load),
		newRulesCoverageCommand(load))
	return cmd
}

type loader func() (*rules.Rules, error)

func newRulesTestCommand(cfg *rules.Config, load loader) *cobra.Command {
	var verbose bool
	var only []string
	cmd := &cobra.Command{
		Use:   "test [files]",
		Short: "Run the tests of the rules",
		Long:  "Run the tests of the rules of the pack and of the files. The exit status is 1 if one fails.",
		RunE: func(cmd *cobra.Command, files []string) error {
			cfg.Files = append(cfg.Files, files...)
			loaded, err := load()
			if err != nil {
				return err
			}
			return testRules(cmd.OutOrStdout(), loaded, only, verbose)
		},
	}
	cmd.Flags().BoolVar(&verbose, "verbose", false, "print tests that pass, too")
	cmd.Flags().StringSliceVar(&only, "rule", nil, "run the tests of these rules alone")
	return cmd
}

func testRules(w io.Writer, loaded *rules.Rules, only []string, verbose bool) error {
	verdicts := loaded.Test(only...)
	failed := 0
	for i := range verdicts {
		v := &verdicts[i]
		switch {
		case !v.Passed:
			failed++
			fmt.Fprintf(w, "FAIL  %s: %s: %s: %s\n", v.Place, v.Rule, v.Test, v)
		case verbose:
			fmt.Fprintf(w, "ok    %s: %s: %s\n", v.Place, v.Rule, v.Test)
		}
	}
	fmt.Fprintf(w, "%d tests, %d failed\n", len(verdicts), failed)
	if failed > 0 {
		return errors.New("tests of rules failed")
	}
	return nil
}

func newRulesListCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the rules",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := load()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RULE\tSEVERITY\tOF\tTECHNIQUES\tFROM")
			for _, r := range loaded.List() {
				origins := strings.Join(r.Origins, ", ")
				if !r.Enabled {
					origins += " (not enabled)"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Name, r.Severity, strings.Join(r.Scopes, ","),
					strings.Join(r.Techniques, ","), origins)
			}
			return w.Flush()
		},
	}
}

func newRulesExplainCommand(load loader) *cobra.Command {
	return &cobra.Command{
		Use:   "explain NAME",
		Short: "Tell all about a rule",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			loaded, err := load()
			if err != nil {
				return err
			}
			text, err := loaded.Explain(names[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
}

func newRulesCoverageCommand(load loader) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "coverage",
		Short: "Print which techniques of ATT&CK have rules",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"table", "navigator"}, output) {
				return fmt.Errorf("--output: must be table or navigator, got %q", output)
			}
			loaded, err := load()
			if err != nil {
				return err
			}
			coverage := loaded.Coverage()
			text := []byte(coverage.Table())
			if output == "navigator" {
				if text, err = coverage.Layer(); err != nil {
					return err
				}
				text = append(text, '\n')
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&output, "output", "table", "table is Markdown, navigator a layer for the ATT&CK Navigator")
	return cmd
}
