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

// assertHostIsOnce checks that the host's own rows are there once. On a loaded machine the two receivers may be so far
// apart that a tick is emitted before the second has reported it; then its part is a row of its own, without the features
// of the first.
func assertHostIsOnce(t *testing.T, db clickhouse.Conn) {
	for table, part := range map[string]string{
		"node_samples": "isFinite(syscall_count)", "container_samples": "isFinite(syscall_count)", "process_samples": "0",
	} {
		var rows, parts uint64
		require.NoError(t, db.QueryRow(t.Context(),
			"SELECT count(), uniqExact(entity, ts, "+part+") FROM nodesec."+table).Scan(&rows, &parts))
		assert.NotZero(t, rows, table)
		assert.Equal(t, parts, rows, "%s: rows are doubled", table)
	}
}

// hostHasNoGaps waits until every tick up to now is a row or counted as missed: what was refused while the server was away
// is tried again after some seconds.
func hostHasNoGaps(t *testing.T, db clickhouse.Conn, interval time.Duration) {
	now := time.Now().Truncate(interval)
	eventually(t, "a row of every tick", func(ctx context.Context) error {
		var ticks, missed uint64
		var span int64
		err := db.QueryRow(ctx, `SELECT count(), toUInt64(sum(missed)),
			toUnixTimestamp64Milli(max(ts)) - toUnixTimestamp64Milli(min(ts))
			FROM (SELECT ts, max(quality_missed_ticks) AS missed FROM nodesec.node_samples WHERE ts <= `+milli(now)+` GROUP BY ts)`).
			Scan(&ticks, &missed, &span)
		if want := span/interval.Milliseconds() + 1; err == nil && int64(ticks+missed) < want {
			err = fmt.Errorf("%d ticks and %d missed of %d", ticks, missed, want)
		}
		return err
	})
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
	hostHasNoGaps(t, db, interval)
	c.stop(t)
	assertHostIsOnce(t, db)
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
	assertHostIsOnce(t, db)
}
