// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/internal/annotation"
)

func newAnnotateImportCommand(on *target) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Add the annotations of a YAML or CSV file",
		Long: "Add the annotations of a file as export writes it: YAML, or CSV if its name ends in .csv. Those whose ids are\n" +
			"there already are left alone; those without an id get one. One that is not valid stops them all.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			all, err := readAnnotations(files[0])
			if err != nil {
				return err
			}
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				if err := warnOverlaps(ctx, cmd.ErrOrStderr(), store, all); err != nil {
					return err
				}
				added, err := store.Import(ctx, all)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d added, %d were there\n", len(added), len(all)-len(added))
				return nil
			})
		},
	}
}

func readAnnotations(name string) ([]annotation.Annotation, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	read := annotation.ReadYAML
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		read = annotation.ReadCSV
	}
	all, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range all {
		if all[i].ID == "" {
			all[i].ID = annotation.NewID()
		}
	}
	return all, annotation.ValidateAll(all)
}

func newAnnotateExportCommand(on *target) *cobra.Command {
	var filter annotationFilter
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print annotations as YAML or CSV",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"yaml", "csv"}, format) {
				return fmt.Errorf("--format: must be yaml or csv, got %q", format)
			}
			f, err := filter.parse()
			if err != nil {
				return err
			}
			write := annotation.WriteYAML
			if format == "csv" {
				write = annotation.WriteCSV
			}
			return on.withStore(cmd, func(ctx context.Context, store annotation.Store) error {
				all, err := store.List(ctx, f)
				if err != nil {
					return err
				}
				return write(cmd.OutOrStdout(), all)
			})
		},
	}
	filter.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "yaml", "yaml or csv")
	return cmd
}
