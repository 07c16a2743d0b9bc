// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
	"github.com/nodesec/nodesec/internal/entity"
)

// beServerIfAsked turns this process into the ClickHouse server of a test, if it was started as that. TestMain calls it.
func beServerIfAsked() { embedded.RunChildIfAsked() }

// startServer starts a server for the test. It skips the test where none can be had.
func startServer(t testing.TB) *embeddedtest.Server { return embeddedtest.Start(t, embedded.Options{}) }

// database is a database of its own on a real server, gone when the test ends.
type database struct {
	t        testing.TB
	endpoint string
	name     string
	conn     driver.Conn
}

func newDatabase(t testing.TB, s *embeddedtest.Server) *database {
	endpoint := s.Info().NativeAddr()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}})
	require.NoError(t, err)
	d := &database{t: t, endpoint: endpoint, name: fmt.Sprintf("test_%d", time.Now().UnixNano()), conn: conn}
	t.Cleanup(func() {
		_ = conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+quoteName(d.name)+" SYNC")
		require.NoError(t, conn.Close())
	})
	return d
}

// config returns a configuration without queue and retry, so that a test sees every answer.
func (d *database) config() *Config {
	cfg := NewDefaultConfig()
	cfg.Endpoints = []string{d.endpoint}
	cfg.Database = d.name
	cfg.Queue = configoptional.None[exporterhelper.QueueBatchConfig]()
	cfg.Retry.Enabled = false
	return cfg
}

func (d *database) exec(query string) {
	d.t.Helper()
	require.NoError(d.t, d.conn.Exec(context.Background(), query), query)
}

// apply makes the tables, and columns for the features in that of the containers.
func (d *database) apply(schema *Schema, features ...Feature) {
	d.t.Helper()
	for _, statement := range append(schema.Create(), schema.AddFeatures(entity.Container, features)...) {
		d.exec(statement)
	}
}

// containers is the quoted name of the containers' table.
func (d *database) containers() string { return quoteName(d.name) + ".container_samples" }

// one returns the only value of the query's result.
func one[T any](d *database, query string) T {
	d.t.Helper()
	var value T
	require.NoError(d.t, d.conn.QueryRow(context.Background(), query).Scan(&value), query)
	return value
}

// start starts an exporter that is stopped when the test ends.
func start(t testing.TB, cfg *Config) *datasetExporter {
	require.NoError(t, cfg.Validate())
	e, err := newExporter(cfg, componenttest.NewNopTelemetrySettings())
	require.NoError(t, err)
	require.NoError(t, e.start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.shutdown(context.Background())) })
	return e
}

// newOf returns a pointer to a new value of the type.
func newOf(t reflect.Type) any { return reflect.New(t).Interface() }
