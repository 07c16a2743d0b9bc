// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

// loaded is what loading a layout has cost.
type loaded struct {
	points int
	client measure.Cost
	// server is the CPU time of the server process from the first insert until no merge ran any more.
	server time.Duration
	// bytes on disk after all parts were merged into one per partition.
	bytes float64
}

// load pushes all ticks of the fleet through the layout's exporter, one insert per tick.
func (l *layout) load(ctx context.Context, s *server.Server, f fleet.Fleet, ticks int) (out loaded, err error) {
	if err := l.create(ctx, s); err != nil {
		return out, err
	}
	e, err := l.start(ctx)
	if err != nil {
		return out, err
	}
	before, err := measure.ProcessCPU(s.PID)
	if err != nil {
		return out, err
	}
	g := f.New()
	for range ticks {
		data := g.Next()
		cost, err := measure.Of(func() error { return e.ConsumeMetrics(ctx, data) })
		if err != nil {
			return out, fmt.Errorf("push a tick through %s: %w", l.name, err)
		}
		out.client.Add(cost)
		out.points += g.Points()
	}
	if err := e.Shutdown(ctx); err != nil {
		return out, fmt.Errorf("stop %s: %w", l.name, err)
	}
	if err := s.Settle(ctx); err != nil {
		return out, err
	}
	after, err := measure.ProcessCPU(s.PID)
	if err != nil {
		return out, err
	}
	out.server = after - before
	out.bytes, err = l.merge(ctx, s)
	return out, err
}

// start starts the layout's exporter.
func (l *layout) start(ctx context.Context) (exporter.Metrics, error) {
	config, err := l.newConfig()
	if err != nil {
		return nil, err
	}
	e, err := l.factory.CreateMetrics(ctx, exportertest.NewNopSettings(l.factory.Type()), config)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", l.name, err)
	}
	if err := e.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, fmt.Errorf("start %s: %w", l.name, err)
	}
	return e, nil
}

// merge merges all parts of the layout's tables, and returns their bytes on disk.
func (l *layout) merge(ctx context.Context, s *server.Server) (float64, error) {
	tables, err := s.Lines(ctx, fmt.Sprintf(
		"SELECT name FROM system.tables WHERE database = '%s' AND total_rows > 0 AND engine LIKE '%%MergeTree'", l.database))
	if err != nil {
		return 0, err
	}
	for _, table := range tables {
		if err := s.Exec(ctx, fmt.Sprintf("OPTIMIZE TABLE %s.%s FINAL", l.database, table)); err != nil {
			return 0, err
		}
	}
	return s.Float(ctx, fmt.Sprintf(
		"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '%s'", l.database))
}
