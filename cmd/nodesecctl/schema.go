// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/exporters/clickhousedataset"
	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/dataset"
)

func newSchemaCommand() *cobra.Command {
	cfg := clickhousedataset.NewDefaultConfig()
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the SQL that makes the database and its tables",
		Long: "Print the SQL that makes the database and its tables, for those who apply it by hand and set\n" +
			"create_schema: false in the exporter. Features that have no column then go into the map column \"more\";\n" +
			"give those that you query often a column with ALTER TABLE ... ADD COLUMN name Float64 DEFAULT nan, and its\n" +
			"comment as the exporter's README says.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.Validate(); err != nil {
				return err
			}
			schema, err := clickhousedataset.NewSchema(cfg)
			if err != nil {
				return err
			}
			for _, statement := range slices.Concat(schema.Create(), annotation.Schema(cfg.Database, cfg.Cluster),
				dataset.Schema(cfg.Database, cfg.Cluster)) {
				statement = strings.TrimRight(strings.TrimSpace(statement), ";")
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s;\n\n", statement); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&cfg.Database, "database", cfg.Database, "name of the database")
	cmd.Flags().StringVar(&cfg.Cluster, "cluster", "", "ClickHouse cluster: ON CLUSTER, replicated and distributed tables")
	cmd.Flags().DurationVar(&cfg.TTL, "ttl", 0, "how long samples are kept (default: for ever)")
	return cmd
}
