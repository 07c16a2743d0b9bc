// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/receivers/noderesource"
	"github.com/nodesec/nodesec/receivers/nodesecurity"
)

func newCheckCommand() *cobra.Command {
	var root, output string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Print what this host can collect, and what keeps the rest away",
		Long: "Try everything that the receivers do, for a moment, as the user who runs this: take two samples of resources,\n" +
			"load the BPF programs and unload them, read posture. Print each group of features as ok, degraded or missing,\n" +
			"why, and what would help; then the capabilities and mounts that are needed.\n\n" +
			"The exit status is 0 if something can be collected, 1 if nothing can.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output: must be text or json, got %q", output)
			}
			if !filepath.IsAbs(root) {
				return fmt.Errorf("--root-path: must be an absolute path, got %q", root)
			}
			report, err := checkHost(root)
			if err != nil {
				return err
			}
			if err := printReport(cmd.OutOrStdout(), &report, output, verbose); err != nil {
				return err
			}
			if !report.Anything() {
				return errors.New("nothing can be collected on this host")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&root, "root-path", "/", "where the root file system of the node is mounted")
	cmd.Flags().StringVar(&output, "output", "text", "text is a table for people, json is for scripts")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "with the whole errors, as the log of the kernel's verifier")
	return cmd
}

// checkHost asks both receivers.
func checkHost(root string) (check.Report, error) {
	resource := noderesource.NewFactory().CreateDefaultConfig().(*noderesource.Config)
	security := nodesecurity.NewFactory().CreateDefaultConfig().(*nodesecurity.Config)
	resource.RootPath, security.RootPath = root, root
	found := check.Report{Groups: noderesource.Check(resource)}
	more, err := nodesecurity.Check(security)
	return found.Join(&more), err
}

func printReport(w io.Writer, report *check.Report, output string, verbose bool) error {
	if output == "text" {
		return report.WriteText(w, verbose)
	}
	if !verbose {
		report.DropDetails()
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
