// SPDX-License-Identifier: Apache-2.0

// Package store measures what storing and reading a fleet's metrics costs: contrib's ClickHouse exporter with its own
// tables and with tables made by hand, and ours.
package store

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/clickhouseexporter"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"

	"github.com/nodesec/nodesec/exporters/clickhousedataset"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

//go:embed sql/tuned.sql
var tunedTable string

// layout is a way to store the same data.
type layout struct {
	name     string
	database string
	factory  exporter.Factory
	config   map[string]any
	// tables holds the statements that create tables before the exporter starts.
	tables []string
	queries
}

// layouts returns contrib's own tables, contrib's tuned ones and ours, in this order.
func layouts(s *server.Server, q question) []layout {
	return []layout{
		{
			name: "contrib", database: "contrib",
			factory: clickhouseexporter.NewFactory(), config: contribConfig(s, "contrib", true),
			queries: contribQueries(q, "contrib", contribColumns{
				node: "ResourceAttributes['k8s.node.name']", namespace: "ResourceAttributes['k8s.namespace.name']",
				container: "ResourceAttributes['container.id']",
			}),
		},
		{
			name: "contrib, tuned table", database: "contrib_tuned",
			factory: clickhouseexporter.NewFactory(), config: contribConfig(s, "contrib_tuned", false),
			tables: []string{
				"CREATE DATABASE contrib_tuned",
				fmt.Sprintf(tunedTable, "contrib_tuned.otel_metrics_sum",
					"AggregationTemporality Int32 CODEC(ZSTD(1)), IsMonotonic Bool CODEC(ZSTD(1)),"),
				fmt.Sprintf(tunedTable, "contrib_tuned.otel_metrics_gauge", ""),
			},
			queries: contribQueries(q, "contrib_tuned", contribColumns{
				node: "Node", namespace: "Namespace", container: "ContainerId",
			}),
		},
		{
			name: "nodesec", database: "nodesec",
			factory: clickhousedataset.NewFactory(), config: ourConfig(s, "nodesec"),
			queries: ourQueries(q, "nodesec.container_samples"),
		},
	}
}

// contribConfig is contrib's best setting for large inserts: one synchronous insert per push. Asynchronous inserts,
// its default, would copy the block once more inside the server and wait for a timer.
func contribConfig(s *server.Server, database string, createSchema bool) map[string]any {
	return map[string]any{
		"endpoint": "clickhouse://" + s.Native, "database": database, "create_schema": createSchema,
		"async_insert": false, "compress": compression,
		"timeout": "5m", "sending_queue": map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
	}
}

// ourConfig is like contribConfig: one insert per push, and a failure ends the benchmark.
func ourConfig(s *server.Server, database string) map[string]any {
	return map[string]any{
		"endpoints": []any{s.Native}, "database": database, "compression": compression,
		"timeout": "5m", "sending_queue": map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
	}
}

// compression of the blocks on the wire, the same for both.
const compression = "lz4"

// newConfig returns the exporter's configuration with the layout's settings.
func (l *layout) newConfig() (any, error) {
	config := l.factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(l.config).Unmarshal(config); err != nil {
		return nil, fmt.Errorf("configure %s: %w", l.name, err)
	}
	return config, nil
}

// create makes the layout's tables, if the exporter does not.
func (l *layout) create(ctx context.Context, s *server.Server) error {
	return s.Exec(ctx, l.tables...)
}
