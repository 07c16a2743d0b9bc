// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/nodesec/nodesec/exporters/clickhousedataset/internal/metadata"
	"github.com/nodesec/nodesec/internal/entity"
)

// datasetExporter stores metrics, and log records as events. How it stores them exactly once is told at the type keeper.
type datasetExporter struct {
	cfg       *Config
	telemetry *metadata.TelemetryBuilder

	schema *Schema
	client driver.Conn
	tables []*table // by scope
	events eventsTable
	keeper keeper
	pushes sync.Pool // of *push
}

// push is what a push works with: the rows, and texts that come again.
type push struct {
	pivot *pivot
	texts texts
}

func newExporter(cfg *Config, settings component.TelemetrySettings) (*datasetExporter, error) {
	telemetry, err := metadata.NewTelemetryBuilder(settings)
	if err != nil {
		return nil, err
	}
	schema, err := NewSchema(cfg)
	if err != nil {
		return nil, err
	}
	e := &datasetExporter{cfg: cfg, telemetry: telemetry, schema: schema}
	e.pushes.New = func() any { return &push{pivot: newPivot()} }
	for _, scope := range entity.Scopes() {
		e.tables = append(e.tables, &table{
			schema: schema, scope: scope, maxFeatures: cfg.MaxFeatures, create: cfg.CreateSchema,
		})
	}
	return e, nil
}

// start makes the client. ClickHouse may be away: connections and tables are made with the first push.
func (e *datasetExporter) start(ctx context.Context, _ component.Host) (err error) {
	e.client, err = newClient(ctx, e.cfg, func(n int) {
		e.telemetry.ClickhousedatasetBytes.Add(context.Background(), int64(n))
	})
	return err
}

func (e *datasetExporter) shutdown(context.Context) error {
	e.telemetry.Shutdown()
	if e.client == nil {
		return nil
	}
	return e.client.Close()
}

// consume stores the metrics. An error that is not permanent asks for the same metrics again; a permanent one says what
// could not be stored, while all else is.
func (e *datasetExporter) consume(ctx context.Context, metrics pmetric.Metrics) error {
	p := e.pushes.Get().(*push)
	defer func() {
		p.pivot.reset()
		e.pushes.Put(p)
	}()
	p.pivot.add(metrics)
	lost := p.pivot.err()
	for _, b := range p.pivot.blocks {
		if b.len() == 0 {
			continue
		}
		if err := e.store(ctx, b, &p.texts); err != nil && !permanent(err) {
			e.telemetry.ClickhousedatasetRetries.Add(ctx, 1)
			return err // what is stored already is recognised the next time
		} else if err != nil {
			e.telemetry.ClickhousedatasetPermanentErrors.Add(ctx, int64(b.len()))
			lost = errors.Join(lost, err)
		}
	}
	e.telemetry.ClickhousedatasetPermanentErrors.Add(ctx, int64(p.pivot.rejected))
	if lost != nil {
		return consumererror.NewPermanent(lost)
	}
	return nil
}

// store writes a block into its table, a day at a time: the server writes the rows of a partition all or not at all.
func (e *datasetExporter) store(ctx context.Context, b *block, texts *texts) error {
	t := e.tables[b.scope]
	attributes := metric.WithAttributeSet(attribute.NewSet(attribute.String("table", t.schema.tables[b.scope])))
	places, added, err := t.resolve(ctx, e.client, time.Now(), b.used)
	if added > 0 {
		e.telemetry.ClickhousedatasetColumnsAdded.Add(ctx, int64(added), attributes)
	}
	for _, day := range b.days() {
		if err != nil {
			break
		}
		started := time.Now()
		err = e.keeper.store(ctx, &insertion{
			client: e.client, table: t.schema.fullName(b.scope), block: day, places: places, texts: texts, token: token(day),
		})
		e.telemetry.ClickhousedatasetInsertDuration.Record(ctx, time.Since(started).Seconds(), attributes)
	}
	if err != nil {
		t.forget() // whatever went wrong, the table may have changed
		return e.explain(t.schema.fullName(b.scope), b, err)
	}
	e.count(ctx, b, places, attributes)
	return nil
}

// explain says what went wrong with which table.
func (e *datasetExporter) explain(table string, b *block, err error) error {
	if refused(err) {
		return fmt.Errorf("store %d rows in %s: ClickHouse refuses user %q; check username, password and grants: %w",
			b.len(), table, e.cfg.Username, err)
	}
	return fmt.Errorf("store %d rows in %s: %w", b.len(), table, err)
}

func (e *datasetExporter) count(ctx context.Context, b *block, places []place, attributes metric.MeasurementOption) {
	e.telemetry.ClickhousedatasetRows.Add(ctx, int64(b.len()), attributes)
	e.telemetry.ClickhousedatasetValues.Add(ctx, int64(b.values), attributes)
	for counter, n := range map[metric.Int64Counter]int{
		e.telemetry.ClickhousedatasetDuplicateValues:  b.duplicates,
		e.telemetry.ClickhousedatasetMissingValues:    b.missing,
		e.telemetry.ClickhousedatasetOverflowedValues: overflowed(b, places),
	} {
		if n > 0 {
			counter.Add(ctx, int64(n), attributes)
		}
	}
}

// overflowed returns how many values went to the column more.
func overflowed(b *block, places []place) (n int) {
	for i, c := range b.used {
		if places[i].column {
			continue
		}
		for _, value := range c.values {
			if !math.IsNaN(value) {
				n++
			}
		}
		for _, values := range c.floats {
			n += len(values)
		}
		for _, counts := range c.counts {
			n += len(counts)
		}
	}
	return n
}
