// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assertLoadIsWhole waits until the whole load is stored and checks that each row is there once and unchanged.
func assertLoadIsWhole(t *testing.T, db clickhouse.Conn) {
	var rows, pairs uint64
	var sum float64
	eventually(t, "all rows of the load", func(ctx context.Context) error {
		err := db.QueryRow(ctx, `SELECT count(), uniqExact(entity, ts), sum(load_feature00 + load_feature19)
			FROM nodesec.container_samples WHERE node = 'load'`).Scan(&rows, &pairs, &sum)
		if err == nil && pairs < loadTicks*loadContainers {
			return fmt.Errorf("%d of %d rows", pairs, loadTicks*loadContainers)
		}
		return err
	})
	assert.EqualValues(t, loadTicks*loadContainers, pairs, "rows that differ")
	assert.Equal(t, pairs, rows, "rows: more than differ are doubled")
	want := 0.0
	for n := range loadTicks {
		want += loadContainers * float64(2*n*1000+loadFeatures-1)
	}
	assert.Equal(t, want, sum, "sum of the values")
}

// assertHostIsWhole checks that the host's own rows are there once and, where ticks must be complete, without a gap.
func assertHostIsWhole(t *testing.T, db clickhouse.Conn, interval time.Duration, gaps bool) {
	for _, table := range []string{"node_samples", "container_samples", "process_samples"} {
		var rows, pairs uint64
		require.NoError(t, db.QueryRow(t.Context(), "SELECT count(), uniqExact(entity, ts) FROM nodesec."+table).Scan(&rows, &pairs))
		assert.NotZero(t, rows, table)
		assert.Equal(t, pairs, rows, "%s: rows are doubled", table)
	}
	if gaps {
		return
	}
	var rows, missed uint64
	var span int64
	require.NoError(t, db.QueryRow(t.Context(), `SELECT count(), toUInt64(sum(quality_missed_ticks)),
		toUnixTimestamp64Milli(max(ts)) - toUnixTimestamp64Milli(min(ts)) FROM nodesec.node_samples`).Scan(&rows, &missed, &span))
	assert.EqualValues(t, span/interval.Milliseconds()+1, rows+missed, "every tick is a row or counted as missed")
}

func TestKillingClickHouseUnderLoadLosesAndDoublesNothing(t *testing.T) {
	const interval = 200 * time.Millisecond
	server := newServer(t)
	c := startCollector(t, server, t.TempDir(), interval)
	db := connect(t, server)
	rowsArrive(t, db, "node_samples", 1)

	done := make(chan struct{})
	go func() {
		defer close(done)
		sendLoad(t, func() string { return c.otlp })
	}()
	for range 3 {
		time.Sleep(2 * time.Second)
		server.Kill(t)
		time.Sleep(time.Second)
		server.Restart(t)
	}
	<-done
	assertLoadIsWhole(t, db)
	c.stop(t)
	assertHostIsWhole(t, db, interval, false)
}

func TestKillingTheCollectorUnderLoadDoublesNothingAndLosesNothingThatWasAcknowledged(t *testing.T) {
	const interval = 200 * time.Millisecond
	server := newServer(t)
	dir := t.TempDir()
	var running atomic.Pointer[collector]
	running.Store(startCollector(t, server, dir, interval))
	db := connect(t, server)
	rowsArrive(t, db, "node_samples", 1)

	done := make(chan struct{})
	go func() {
		defer close(done)
		sendLoad(t, func() string { return running.Load().otlp })
	}()
	for i := range 3 {
		time.Sleep(2 * time.Second)
		if i == 1 {
			// Away from both: what arrives meanwhile is only in the queue on disk when the collector dies.
			server.Kill(t)
			time.Sleep(time.Second)
		}
		running.Load().kill()
		if i == 1 {
			server.Restart(t)
		}
		running.Store(startCollector(t, server, dir, interval))
	}
	<-done
	assertLoadIsWhole(t, db)
	running.Load().stop(t)
	assertHostIsWhole(t, db, interval, true)
}
