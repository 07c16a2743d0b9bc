// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the built binaries on the host they run on: real kernel, real ClickHouse, nothing in between.
// `make test` builds them first.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/actor"
)

func TestMain(m *testing.M) {
	actor.RunChildIfAsked()
	action.RunChildIfAsked()
	embeddedtest.Main(m)
}

// binary returns the path of a program of bin/; without it the test is skipped, or fails where it must run.
func binary(t *testing.T, name string) string {
	path, err := filepath.Abs(filepath.Join("../../bin", name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("NODESEC_TEST_CLICKHOUSE") == "1" {
			t.Fatalf("%s is not there: run make build first", path)
		}
		t.Skipf("%s is not there: run make build first", path)
	}
	return path
}

// collector is a running bin/nodesec with deploy/quickstart.yaml.
type collector struct {
	cmd  *exec.Cmd
	otlp string // address of its OTLP receiver
	log  string
}

// startCollector starts the collector on the database. dir keeps its queue, so that a second one continues the first.
func startCollector(t *testing.T, server *embeddedtest.Server, dir string, interval time.Duration) *collector {
	c := &collector{otlp: "127.0.0.1:" + strconv.Itoa(freePort(t)), log: filepath.Join(dir, fmt.Sprintf("collector-%d.log", time.Now().UnixNano()))}
	output, err := os.Create(c.log)
	require.NoError(t, err)
	defer func() { _ = output.Close() }()
	c.cmd = exec.Command(binary(t, "nodesec"), "--config", "../../deploy/quickstart.yaml")
	c.cmd.Stdout, c.cmd.Stderr = output, output
	c.cmd.Env = append(os.Environ(),
		"NODESEC_INTERVAL="+interval.String(),
		"NODESEC_OTLP_PORT="+c.otlp[len("127.0.0.1:"):],
		"NODESEC_METRICS_PORT="+strconv.Itoa(freePort(t)),
		"NODESEC_CLICKHOUSE_ENDPOINT="+server.Info().NativeAddr(),
		"NODESEC_QUEUE_DIR="+filepath.Join(dir, "queue"))
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			text, _ := os.ReadFile(c.log)
			t.Logf("the end of the collector's log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return c
}

// stop ends the collector as an operator does and waits for it.
func (c *collector) stop(t *testing.T) {
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, c.cmd.Wait())
}

// kill ends the collector as a crash does.
func (c *collector) kill() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// connect opens a connection to the server.
func connect(t *testing.T, server *embeddedtest.Server) clickhouse.Conn {
	db, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Info().NativeAddr()}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// eventually calls check until it returns no error, for at most a minute.
func eventually(t *testing.T, about string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", about, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// rowsArrive waits until the table holds at least so many rows.
func rowsArrive(t *testing.T, db clickhouse.Conn, table string, least uint64) {
	eventually(t, "rows of "+table, func(ctx context.Context) error {
		var rows uint64
		if err := db.QueryRow(ctx, "SELECT count() FROM nodesec."+table).Scan(&rows); err != nil {
			return err
		}
		if rows < least {
			return fmt.Errorf("%d rows, want at least %d", rows, least)
		}
		return nil
	})
}

// newServer starts an embedded ClickHouse for the test.
func newServer(t *testing.T) *embeddedtest.Server { return embeddedtest.Start(t, embedded.Options{}) }

// tickIsStored waits until the table holds rows of the tick or a later one.
func tickIsStored(t *testing.T, db clickhouse.Conn, table string, tick time.Time) {
	eventually(t, fmt.Sprintf("rows of %s at %s", table, tick), func(ctx context.Context) error {
		var n uint64
		err := db.QueryRow(ctx, fmt.Sprintf("SELECT count() FROM nodesec.%s WHERE ts >= %s", table, milli(tick))).Scan(&n)
		if err == nil && n == 0 {
			return errors.New("none")
		}
		return err
	})
}

func number(t *testing.T, db clickhouse.Conn, query string) float64 {
	var value float64
	require.NoError(t, db.QueryRow(t.Context(), query).Scan(&value), query)
	return value
}

func milli(tick time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", tick.UnixMilli())
}
