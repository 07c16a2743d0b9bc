// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// eventsInsertion is events of one day on their way into the table.
type eventsInsertion struct {
	client driver.Conn
	table  string // quoted
	events []event
	token  string
}

func (i *eventsInsertion) rows() int          { return len(i.events) }
func (i *eventsInsertion) firstToken() string { return i.token }

func (i *eventsInsertion) insert(ctx context.Context, token string) (duplicate bool, err error) {
	ctx, seen := insertContext(ctx, token)
	batch, err := i.client.PrepareBatch(ctx, i.statement())
	if err != nil {
		return false, err
	}
	for n := range i.events {
		if err := batch.Append(i.row(&i.events[n])...); err != nil {
			_ = batch.Abort()
			return false, err
		}
	}
	err = batch.Send()
	return seen.Load(), err
}

func (i *eventsInsertion) stored(ctx context.Context) (int, error) {
	first, last := i.events[0].ts, i.events[0].ts
	for n := range i.events {
		if ts := i.events[n].ts; ts.Before(first) {
			first = ts
		} else if ts.After(last) {
			last = ts
		}
	}
	return countStored(ctx, i.client, i.table, batchNumber(i.token), first.UnixMilli(), last.UnixMilli()+1)
}

func (i *eventsInsertion) statement() string {
	var columns []string
	for _, c := range eventColumns() {
		columns = append(columns, quoteName(c.name))
	}
	return "INSERT INTO " + i.table + " (" + strings.Join(columns, ", ") + ")"
}

// row is the event's values in the order of eventColumns.
func (i *eventsInsertion) row(e *event) []any {
	row := []any{e.ts, e.observed, e.identity.Hash, batchNumber(i.token), e.identity.Scope.String(), e.name}
	for _, c := range eventTexts() {
		row = append(row, c.value(&e.identity))
	}
	return append(row, e.severityNumber, e.severity, e.body, mapOf(e.attributes), mapOf(e.resource))
}

func mapOf(attributes []extra) *mapRow {
	m := &mapRow{}
	for _, a := range attributes {
		m.Put(a.key, a.value)
	}
	return m
}

// eventsTable makes the table when it is first needed.
type eventsTable struct {
	mu   sync.Mutex
	made bool
}

func (t *eventsTable) ensure(ctx context.Context, client driver.Conn, s *Schema, create bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made || !create {
		return nil
	}
	for _, statement := range append([]string{s.createDatabase()}, s.createEvents()...) {
		if err := execDDL(ctx, client, statement); err != nil {
			return fmt.Errorf("create %s: %w", s.eventsName(), err)
		}
	}
	t.made = true
	return nil
}

func (t *eventsTable) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made = false
}

// consumeLogs stores log records as events; its errors are those of consume.
func (e *datasetExporter) consumeLogs(ctx context.Context, logs plog.Logs) error {
	var lost error
	for _, day := range pivotEvents(logs) {
		err := e.storeEvents(ctx, day)
		if err == nil {
			continue
		}
		e.events.forget()
		if !permanent(err) {
			e.telemetry.ClickhousedatasetRetries.Add(ctx, 1)
			return err
		}
		e.telemetry.ClickhousedatasetPermanentErrors.Add(ctx, int64(len(day)))
		lost = errors.Join(lost, err)
	}
	if lost != nil {
		return consumererror.NewPermanent(lost)
	}
	return nil
}

func (e *datasetExporter) storeEvents(ctx context.Context, day []event) error {
	if err := e.events.ensure(ctx, e.client, e.schema, e.cfg.CreateSchema); err != nil {
		return err
	}
	attributes := metric.WithAttributeSet(attribute.NewSet(attribute.String("table", e.schema.events)))
	started := time.Now()
	err := e.keeper.store(ctx, &eventsInsertion{
		client: e.client, table: e.schema.eventsName(), events: day, token: eventsToken(day),
	})
	e.telemetry.ClickhousedatasetInsertDuration.Record(ctx, time.Since(started).Seconds(), attributes)
	if err != nil {
		return fmt.Errorf("store %d events in %s: %w", len(day), e.schema.eventsName(), err)
	}
	e.telemetry.ClickhousedatasetRows.Add(ctx, int64(len(day)), attributes)
	return nil
}
