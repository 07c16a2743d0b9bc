// SPDX-License-Identifier: Apache-2.0

package day

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/exporters/clickhousedataset"
	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

const (
	database = "nodesec_day"
	table    = database + ".container_samples"
	seeds    = database + ".seeds"
	// batch is how many containers are made up in one statement; their day has to fit into the server's memory.
	batch = 50
)

// fill makes the table as our exporter does, and fills it with the samples of the fleet's containers inside the server.
func fill(ctx context.Context, s *server.Server, o Options, log *slog.Logger) error {
	if err := createTable(ctx, s, o.Fleet); err != nil {
		return err
	}
	identity, err := identityColumns(ctx, s)
	if err != nil {
		return err
	}
	containers := o.Fleet.Nodes * o.Fleet.ContainersPerNode
	for first := 0; first < containers; first += batch {
		if err := s.Exec(ctx, insert(o, identity, first)); err != nil {
			return err
		}
		if first%(10*batch) == 0 {
			log.Info("made up a day", "containers", first+batch)
		}
	}
	if err := s.Exec(ctx, "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
		return err
	}
	unix.Sync() // or the kernel writes the merged part while the queries run
	return s.Settle(ctx)
}

// createTable lets our exporter store the fleet's first tick. Its rows are kept apart as seeds: who the containers
// are.
func createTable(ctx context.Context, s *server.Server, f fleet.Fleet) error {
	factory := clickhousedataset.NewFactory()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(map[string]any{
		"endpoints": []any{s.Native}, "database": database, "sending_queue": map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
	}).Unmarshal(config); err != nil {
		return fmt.Errorf("configure our exporter: %w", err)
	}
	e, err := factory.CreateMetrics(ctx, exportertest.NewNopSettings(factory.Type()), config)
	if err != nil {
		return fmt.Errorf("create our exporter: %w", err)
	}
	if err := e.Start(ctx, componenttest.NewNopHost()); err != nil {
		return fmt.Errorf("start our exporter: %w", err)
	}
	if err := e.ConsumeMetrics(ctx, f.New().Next()); err != nil {
		return fmt.Errorf("push the first tick: %w", err)
	}
	if err := e.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop our exporter: %w", err)
	}
	return s.Exec(ctx,
		"CREATE TABLE "+seeds+" ENGINE = Memory AS SELECT *, rowNumberInAllBlocks() AS c FROM "+table+" ORDER BY node, entity",
		"TRUNCATE TABLE "+table)
}

// identityColumns returns the columns that are the same in all samples of a container.
func identityColumns(ctx context.Context, s *server.Server) ([]string, error) {
	names, err := s.Lines(ctx, fmt.Sprintf("SELECT name FROM system.columns WHERE database = '%s' "+
		"AND table = 'container_samples' AND comment NOT LIKE '{%%' AND name != 'ts'", database))
	if err != nil {
		return nil, err
	}
	return names, nil
}

// insert returns the statement that makes up the samples of a batch of containers. Each feature is an array over the
// ticks, which ARRAY JOIN turns into rows.
func insert(o Options, identity []string, first int) string {
	var columns, arrays []string
	for _, e := range fleet.Expressions() {
		columns = append(columns, e.Column)
		arrays = append(arrays, e.Array+" AS "+e.Column)
	}
	names, values := strings.Join(identity, ", "), strings.Join(columns, ", ")
	return fmt.Sprintf(`INSERT INTO %s (ts, %s, %s)
SELECT fromUnixTimestamp64Milli(%d + i * %d, 'UTC') AS ts, %s, %s
FROM (
    SELECT %s, range(n) AS i, %s
    FROM (SELECT %s, c, %d AS n FROM %s WHERE c >= %d AND c < %d)
)
ARRAY JOIN i, %s`,
		table, names, values,
		o.Fleet.Start.UnixMilli(), o.Fleet.Interval.Milliseconds(), names, values,
		names, strings.Join(arrays, ",\n        "),
		names, o.Ticks, seeds, first, first+batch, values)
}
