// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/internal/feature"
)

// reloadInterval is how often a table is looked at again for columns that were added by hand.
const reloadInterval = time.Minute

// maxRounds is how often columns are added and looked at again in one go. One round is enough unless other exporters
// add columns at the same time; then two.
const maxRounds = 5

// table knows the columns of one table of the database.
//
// The database is the only memory: which feature a column belongs to is written in its comment. A new feature gets the
// column of its name or, if that is another feature's or one of ours, the name with a hash of its key. ADD COLUMN IF
// NOT EXISTS does nothing if somebody else was first, so the columns are read again after it: who finds another
// feature's comment in the column takes the next name. All exporters come to the same result.
type table struct {
	schema      *Schema
	scope       entity.Scope
	maxFeatures int
	create      bool // whether tables and columns may be made

	mu     sync.Mutex
	loaded time.Time         // zero: nothing is known
	names  map[string]string // column name by key of the feature
	taken  map[string]bool   // all column names
	others map[string]string // key of the feature by its name in the column more
}

// place is where the values of a feature go: a column or, if column is false, an entry of the map in the column more.
type place struct {
	name   string
	column bool
}

// resolve returns the places of the features, in their order. It makes the columns that are missing, as many as there
// may be; added is their number.
func (t *table) resolve(
	ctx context.Context, client driver.Conn, now time.Time, used []*column,
) (places []place, added int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	places = make([]place, len(used))
	if t.loaded.IsZero() || now.Sub(t.loaded) > reloadInterval && t.lookup(used, places) > 0 {
		if err := t.load(ctx, client, now); err != nil {
			return nil, 0, err
		}
	}
	for range maxRounds {
		unknown := t.lookup(used, places)
		if unknown == 0 || !t.create {
			break
		}
		plan := t.plan(used, places)
		if len(plan) == 0 {
			break // the table is full
		}
		if err := t.add(ctx, client, plan); err != nil {
			return nil, added, err
		}
		if err := t.load(ctx, client, now); err != nil {
			return nil, added, err
		}
		added += t.own(plan)
	}
	t.overflow(used, places)
	return places, added, nil
}

// forget makes the next resolve look at the database again.
func (t *table) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded = time.Time{}
}

// lookup fills in the columns that are known and returns how many are not.
func (t *table) lookup(used []*column, places []place) (unknown int) {
	for i, c := range used {
		name, ok := t.names[c.key]
		places[i] = place{name: name, column: ok}
		if !ok {
			unknown++
		}
	}
	return unknown
}

// overflow names the features that have no column. A name that a column or another of them has gets a hash of the key.
func (t *table) overflow(used []*column, places []place) {
	if t.others == nil || len(t.others) > maxKnownColumns {
		t.others = map[string]string{}
	}
	for i, c := range used {
		if places[i].column {
			continue
		}
		name := c.feature.Name()
		if owner, ok := t.others[name]; t.taken[name] || ok && owner != c.key {
			name = feature.WithSuffix(name, feature.Hash(c.key))
		}
		t.others[name] = c.key
		places[i].name = name
	}
}

// plan chooses names for the features that have none, as many as there is room for.
func (t *table) plan(used []*column, places []place) []namedFeature {
	var plan []namedFeature
	taken := maps.Clone(t.taken)
	for i, c := range used {
		if places[i].column || len(t.names)+len(plan) >= t.maxFeatures {
			continue
		}
		if name, ok := columnName(c.feature, taken); ok { // else two hashes are alike: it goes to the column more
			taken[name] = true
			plan = append(plan, namedFeature{name: name, feature: c.feature})
		}
	}
	return plan
}

// own returns how many of the planned columns belong to the features they were planned for.
func (t *table) own(plan []namedFeature) (n int) {
	for _, c := range plan {
		if t.names[c.feature.Key()] == c.name {
			n++
		}
	}
	return n
}

func (t *table) add(ctx context.Context, client driver.Conn, plan []namedFeature) error {
	for _, statement := range t.schema.addColumns(t.scope, plan) {
		if err := execDDL(ctx, client, statement); err != nil {
			return fmt.Errorf("add %d columns to %s: %w", len(plan), t.schema.fullName(t.scope), err)
		}
	}
	return nil
}

// load reads the columns of the table, which it makes if it is not there.
func (t *table) load(ctx context.Context, client driver.Conn, now time.Time) error {
	t.loaded = time.Time{}
	found, err := t.read(ctx, client)
	if err != nil {
		return err
	}
	if !found {
		if !t.create {
			return fmt.Errorf("%w: %s (create_schema is off: apply the statements that nodesecctl schema prints)",
				errNoTable, t.schema.fullName(t.scope))
		}
		for _, statement := range append([]string{t.schema.createDatabase()}, t.schema.createTable(t.scope)...) {
			if err := execDDL(ctx, client, statement); err != nil {
				return fmt.Errorf("create %s: %w", t.schema.fullName(t.scope), err)
			}
		}
		if _, err := t.read(ctx, client); err != nil {
			return err
		}
	}
	t.loaded = now
	return nil
}

var errNoTable = errors.New("no such table")

// read takes over what the database says of the columns. It reports whether there is such a table.
func (t *table) read(ctx context.Context, client driver.Conn) (found bool, err error) {
	t.names, t.taken = map[string]string{}, reservedNames()
	rows, err := client.Query(ctx, "SELECT name, type, comment FROM system.columns WHERE database = "+
		quoteText(t.schema.database)+" AND table = "+quoteText(t.schema.tables[t.scope])+" ORDER BY position")
	if err != nil {
		return false, fmt.Errorf("read the columns of %s: %w", t.schema.fullName(t.scope), err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, kind, comment string
		if err := rows.Scan(&name, &kind, &comment); err != nil {
			return false, fmt.Errorf("read the columns of %s: %w", t.schema.fullName(t.scope), err)
		}
		t.taken[name], found = true, true
		if f, ok := ParseFeature(comment); ok && f.ColumnType() == kind {
			t.names[f.Key()] = name
		}
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("read the columns of %s: %w", t.schema.fullName(t.scope), err)
	}
	return found, nil
}

// execDDL runs a statement that may be longer than what ClickHouse accepts by default (256 KiB): a thousand columns
// with comments are.
func execDDL(ctx context.Context, client driver.Conn, statement string) error {
	return client.Exec(clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_query_size": 256 << 20, "max_ast_elements": 1_000_000,
	})), statement)
}
