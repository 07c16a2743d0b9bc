// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/exporters/clickhousedataset"
	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// database is a database of its own with all tables and views, gone when the test ends.
type database struct {
	clickhouse.Client
	t    testing.TB
	name string
}

func newDatabase(t testing.TB) *database {
	d := &database{
		Client: clickhouse.Client{URL: embeddedtest.Shared(t).HTTPURL()}, t: t,
		name: fmt.Sprintf("dataset`'%d", time.Now().UnixNano()),
	}
	cfg := clickhousedataset.NewDefaultConfig()
	cfg.Database = d.name
	schema, err := clickhousedataset.NewSchema(cfg)
	require.NoError(t, err)
	for _, statement := range schema.Create() {
		d.exec(statement)
	}
	require.NoError(t, d.annotations().Create(t.Context()))
	require.NoError(t, Create(t.Context(), d.Client, d.name))
	t.Cleanup(func() {
		text := "DROP DATABASE " + clickhouse.Name(d.name) + " SYNC"
		require.NoError(t, d.Exec(context.Background(), clickhouse.Query{Text: text}))
	})
	return d
}

func (d *database) annotations() annotation.Store {
	return annotation.Store{Client: d.Client, Database: d.name}
}

func (d *database) exec(text string) {
	d.t.Helper()
	require.NoError(d.t, d.Exec(d.t.Context(), clickhouse.Query{Text: text}), text)
}

// table is the quoted name of a table or view.
func (d *database) table(name string) string { return clickhouse.Name(d.name) + "." + name }

// insert stores rows, each a value that marshals to an object with the names of columns.
func insert[T any](d *database, table string, rows []T) {
	d.t.Helper()
	var data bytes.Buffer
	for i := range rows {
		line, err := json.Marshal(rows[i])
		require.NoError(d.t, err)
		data.Write(append(line, '\n'))
	}
	require.NoError(d.t, d.Insert(d.t.Context(), clickhouse.Query{
		Text:     "INSERT INTO " + d.table(table) + " FORMAT JSONEachRow",
		Settings: map[string]string{"date_time_input_format": "best_effort"},
	}, &data))
}
