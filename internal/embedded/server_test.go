// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func TestServerAnswersOverHTTPAndTheNativeProtocol(t *testing.T) {
	i := embeddedtest.Shared(t)
	assert.Equal(t, i.Version, one(t, i, "SELECT version()"))
	assert.Equal(t, "UTC", one(t, i, "SELECT timezone()"))

	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{i.NativeAddr()}})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	var version string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT version()").Scan(&version))
	assert.Equal(t, i.Version, version)

	resp, err := http.Get(i.PlayURL())
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestQueryLogIsKeptOnlyWhenAskedFor(t *testing.T) {
	logs := "SELECT arraySort(groupArray(name)) FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'"
	one(t, embeddedtest.Shared(t), "SYSTEM FLUSH LOGS")
	assert.Equal(t, "['part_log','query_log']", one(t, embeddedtest.Shared(t), logs))

	s := embeddedtest.Start(t, embedded.Options{})
	one(t, s.Info(), "SYSTEM FLUSH LOGS")
	assert.Equal(t, "[]", one(t, s.Info(), logs))
}

func TestDataAndPortsSurviveARestartInAFolderWithAnOddName(t *testing.T) {
	path := filepath.Join(t.TempDir(), `it's a "folder" <&> ü`)
	s := embeddedtest.Start(t, embedded.Options{Path: path})
	before := s.Info()
	one(t, before, "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
	one(t, before, "INSERT INTO kept SELECT number FROM numbers(1000)")
	s.Stop(t)

	// Not Restart, which asks for the ports: the folder remembers them.
	again := embeddedtest.Start(t, embedded.Options{Path: path})
	assert.Equal(t, before.NativeAddr(), again.Info().NativeAddr())
	assert.Equal(t, before.HTTPAddr(), again.Info().HTTPAddr())
	assert.Equal(t, "1000", one(t, again.Info(), "SELECT count() FROM kept"))
}

func TestAcknowledgedInsertsSurviveAKill(t *testing.T) {
	s := embeddedtest.Start(t, embedded.Options{})
	one(t, s.Info(), "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")

	var acknowledged atomic.Uint64
	failed := make(chan error, 1)
	go func() {
		for {
			if err := insert(s.Info(), acknowledged.Load()); err != nil {
				failed <- err
				return
			}
			acknowledged.Add(1)
		}
	}()
	require.Eventually(t, func() bool { return acknowledged.Load() > 100 }, time.Minute, time.Millisecond)
	s.Kill(t)
	<-failed
	n := acknowledged.Load()
	s.Restart(t)
	assert.Equal(t, fmt.Sprint(n), one(t, s.Info(), fmt.Sprintf("SELECT uniqExact(n) FROM kept WHERE n < %d", n)))
}

// insert writes one row in one insert, so that the answer is its acknowledgement.
func insert(i embedded.Info, n uint64) error {
	body := strings.NewReader(fmt.Sprintf("INSERT INTO kept VALUES (%d)", n))
	resp, err := http.Post(i.HTTPURL(), "text/plain", body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("insert %d: %s", n, resp.Status)
	}
	return nil
}

func TestServerThatCrashesIsStartedAgainOnTheSamePorts(t *testing.T) {
	s := embeddedtest.Start(t, embedded.Options{})
	one(t, s.Info(), "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
	one(t, s.Info(), "INSERT INTO kept VALUES (7)")
	require.NoError(t, syscall.Kill(onlyChild(t, s.Info().PID), syscall.SIGKILL))
	assert.Eventually(t, func() bool { return insert(s.Info(), 8) == nil }, time.Minute, 50*time.Millisecond)
	assert.Equal(t, "[7,8]", one(t, s.Info(), "SELECT arraySort(groupUniqArray(n)) FROM kept"))
}

// onlyChild returns the child of a process that has one.
func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // one file per thread
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("needs a kernel that lists children (CONFIG_PROC_CHILDREN)")
	}
	var children []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		children = append(children, strings.Fields(string(text))...)
	}
	require.Len(t, children, 1)
	child, err := strconv.Atoi(children[0])
	require.NoError(t, err)
	return child
}

func TestStopWorksTwiceAndAfterAKill(t *testing.T) {
	requireServer(t)
	s, err := start(t, embedded.Options{Path: t.TempDir()})
	require.NoError(t, err)
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop())
	require.NoError(t, s.Kill())

	s, err = start(t, embedded.Options{Path: t.TempDir()})
	require.NoError(t, err)
	require.NoError(t, s.Kill())
	require.NoError(t, s.Stop())
	<-s.Done()
}

func TestOfTwoStartsAtOnceOnOneFolderOneWins(t *testing.T) {
	requireServer(t)
	path := t.TempDir()
	servers := make([]*embedded.Server, 2)
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() { servers[i], errs[i] = start(t, embedded.Options{Path: path}) })
	}
	wg.Wait()
	winner := 0
	if servers[0] == nil {
		winner = 1
	}
	require.NoError(t, errs[winner])
	require.ErrorIs(t, errs[1-winner], embedded.ErrInUse)
	require.NoError(t, servers[winner].Stop())
}

func TestFolderInUseNamesTheProcess(t *testing.T) {
	s := embeddedtest.Start(t, embedded.Options{})
	_, err := start(t, embedded.Options{Path: s.Path()})
	require.ErrorIs(t, err, embedded.ErrInUse)
	assert.ErrorContains(t, err, s.Path())
	assert.ErrorContains(t, err, fmt.Sprintf("process %d", s.Info().PID))
	assert.Equal(t, "1", one(t, s.Info(), "SELECT 1"), "the first one goes on")
}

func TestFindTellsARunningServerFromAStoppedAndACrashedOne(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := embedded.Find(ctx, t.TempDir())
	require.ErrorIs(t, err, embedded.ErrNotRunning)

	s := embeddedtest.Start(t, embedded.Options{})
	i, err := embedded.Find(ctx, s.Path())
	require.NoError(t, err)
	assert.Equal(t, s.Info(), i)

	s.Kill(t)
	_, err = embedded.Find(ctx, s.Path())
	require.ErrorIs(t, err, embedded.ErrNotRunning)

	s.Restart(t)
	s.Stop(t)
	_, err = embedded.Find(ctx, s.Path())
	require.ErrorIs(t, err, embedded.ErrNotRunning)
}
