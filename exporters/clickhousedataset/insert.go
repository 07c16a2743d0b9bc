// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/nodesec/nodesec/internal/entity"
)

// insertion is a block of one day on its way into a table.
type insertion struct {
	client driver.Conn
	table  string // quoted
	block  *block
	places []place // of the block's features
	texts  *texts
	token  string // of the block
}

// insert stores the block under a token. It returns once the server has written the rows; duplicate tells that it has
// not, because an insert with this token is on its record.
func (i *insertion) insert(ctx context.Context, token string) (duplicate bool, err error) {
	ctx, seen := insertContext(ctx, token)
	batch, err := i.client.PrepareBatch(ctx, insertStatement(i.table, i.block.scope, i.places))
	if err != nil {
		return false, err
	}
	w := writer{columns: batch.Columns(), texts: i.texts}
	w.fixed(i)
	w.features(i.block, i.places)
	if w.err != nil {
		_ = batch.Abort()
		return false, w.err
	}
	err = batch.Send()
	return seen.Load(), err
}

// insertContext is the context of an insert under a token. duplicate becomes true if the server says that it has stored
// that token before; the client may still be reading when the context ends.
func insertContext(ctx context.Context, token string) (_ context.Context, duplicate *atomic.Bool) {
	duplicate = new(atomic.Bool)
	return clickhouse.Context(ctx,
		clickhouse.WithSettings(insertSettings(token)),
		clickhouse.WithProfileEvents(func(events []clickhouse.ProfileEvent) {
			for _, event := range events {
				if event.Name == "DuplicatedInsertedBlocks" && event.Value > 0 {
					duplicate.Store(true)
				}
			}
		})), duplicate
}

// batchNumber is the number that all rows stored under a token carry in the column batch.
func batchNumber(token string) uint64 {
	number, _ := strconv.ParseUint(token[:16], 16, 64) // always hexadecimal digits
	return number
}

func (i *insertion) rows() int          { return i.block.len() }
func (i *insertion) firstToken() string { return i.token }
func (i *insertion) batch() uint64      { return batchNumber(i.token) }

func (i *insertion) stored(ctx context.Context) (int, error) {
	return countStored(ctx, i.client, i.table, i.batch(), slices.Min(i.block.ts), slices.Max(i.block.ts))
}

// countStored returns how many rows a batch has in the table; first and last are its times in milliseconds.
func countStored(ctx context.Context, client driver.Conn, table string, batch uint64, first, last int64) (int, error) {
	var n uint64
	err := client.QueryRow(ctx, fmt.Sprintf("SELECT count() FROM %s WHERE batch = %d "+
		"AND ts BETWEEN fromUnixTimestamp64Milli(%d, 'UTC') AND fromUnixTimestamp64Milli(%d, 'UTC')",
		table, batch, first, last)).Scan(&n)
	return int(n), err
}

// insertSettings are what makes an insert happen exactly once: one block under one token, written before the answer.
func insertSettings(token string) clickhouse.Settings {
	return clickhouse.Settings{
		"insert_deduplicate":         1,
		"insert_deduplication_token": token,
		// The server's default since 26.x would collect inserts and cut them anew.
		"async_insert": 0,
		// A Distributed table hands the rows on before it answers.
		"distributed_foreground_insert": 1,
		// A thousand columns with long names don't fit into the default of 256 KiB.
		"max_query_size": 4 << 20,
	}
}

func insertStatement(table string, scope entity.Scope, places []place) string {
	var s strings.Builder
	s.WriteString("INSERT INTO " + table + " (ts, interval_ms, entity, batch")
	for _, c := range textColumns(scope) {
		s.WriteString(", `" + c.name + "`")
	}
	if scope == entity.Process {
		s.WriteString(", pid, ppid, created")
	}
	s.WriteString(", attributes, rules, severity, techniques, more")
	for _, p := range places {
		if p.column {
			s.WriteString(", `" + p.name + "`")
		}
	}
	s.WriteString(")")
	return s.String()
}

// writer appends a block's columns to a batch, in the order of the statement. After the first error it does nothing.
type writer struct {
	columns []chcolumn.Interface
	texts   *texts
	err     error
}

// next returns the next column of the batch.
func (w *writer) next() chcolumn.Interface {
	c := w.columns[0]
	w.columns = w.columns[1:]
	return c
}

// all appends a whole column: a slice of the column's Go type.
func (w *writer) all(values any) {
	c := w.next()
	if w.err != nil {
		return
	}
	if _, err := c.Append(values); err != nil {
		w.err = fmt.Errorf("column %s: %w", c.Name(), err)
	}
}

// each appends a column row by row.
func (w *writer) each(b *block, value func(row int) any) {
	c := w.next()
	for row := range b.len() {
		if w.err != nil {
			return
		}
		if err := c.AppendRow(value(row)); err != nil {
			w.err = fmt.Errorf("column %s: %w", c.Name(), err)
		}
	}
}

func (w *writer) fixed(i *insertion) {
	b := i.block
	w.all(b.ts)
	w.all(b.interval)
	w.all(b.entity)
	w.all(slices.Repeat([]uint64{i.batch()}, b.len()))
	for _, c := range textColumns(b.scope) {
		w.text(b, func(r *resource) string { return c.value(&r.identity) })
	}
	if b.scope == entity.Process {
		w.processes(b)
	}
	w.attributes(b)
	w.list(b, func(r *resource) []string { return r.rules })
	w.text(b, func(r *resource) string { return r.severity })
	w.list(b, func(r *resource) []string { return r.techniques })
	w.more(b, i.places)
}

func (b *block) of(row int) *resource { return &b.resources[b.resource[row]] }

func (w *writer) text(b *block, value func(*resource) string) {
	w.each(b, func(row int) any { return w.texts.boxed(value(b.of(row))) })
}

func (w *writer) list(b *block, value func(*resource) []string) {
	var none any = []string(nil) // boxed once for all the rows without
	w.each(b, func(row int) any {
		if list := value(b.of(row)); len(list) > 0 {
			return list
		}
		return none
	})
}

func (w *writer) processes(b *block) {
	pids, parents, created := make([]uint32, b.len()), make([]uint32, b.len()), make([]int64, b.len())
	for row := range b.len() {
		r := b.of(row)
		pids[row], parents[row], created[row] = uint32(r.identity.PID), uint32(r.identity.ParentPID), r.created
	}
	w.all(pids)
	w.all(parents)
	w.all(created)
}

func (w *writer) attributes(b *block) {
	var entries mapRow
	w.each(b, func(row int) any {
		entries.reset()
		for _, a := range b.of(row).attributes {
			entries.Put(w.texts.boxed(a.key), w.texts.boxed(a.value))
		}
		return &entries
	})
}

// more appends the values of the features that have no column, by name; of arrays, each element.
func (w *writer) more(b *block, places []place) {
	var entries mapRow
	w.each(b, func(row int) any {
		entries.reset()
		for i, c := range b.used {
			if !places[i].column {
				w.overflow(&entries, places[i].name, c, row)
			}
		}
		return &entries
	})
}

func (w *writer) overflow(entries *mapRow, name string, c *column, row int) {
	switch c.feature.ColumnType() {
	case typeFloat:
		if !math.IsNaN(c.values[row]) {
			entries.Put(w.texts.boxed(name), c.values[row])
		}
	case typeFloats:
		for i, value := range c.floats[row] {
			entries.Put(w.texts.boxed(element(name, i)), value)
		}
	case typeCounts:
		for i, count := range c.counts[row] {
			entries.Put(w.texts.boxed(element(name, i)), float64(count))
		}
	}
}

func (w *writer) features(b *block, places []place) {
	for i, c := range b.used {
		if !places[i].column {
			continue
		}
		switch c.feature.ColumnType() {
		case typeFloat:
			w.all(c.values)
		case typeFloats:
			w.all(c.floats)
		case typeCounts:
			w.all(c.counts)
		}
	}
}

// element names an element of an array in the column more: latency_bounds_0 is the first.
func element(name string, i int) string { return name + "_" + strconv.Itoa(i) }
