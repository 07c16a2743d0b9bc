// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/actor"
)

// inTime is how long after an act everybody must know of it.
const inTime = 3 * time.Second

// screen is what nodesecctl up shows in a terminal, line by line with the time.
type screen struct {
	mu    sync.Mutex
	lines []string
	times []time.Time
}

// showUp starts nodesecctl up in a terminal of its own.
func showUp(t *testing.T, arguments ...string) *screen {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 120, Col: 200}))

	cmd := exec.Command(binary(t, "nodesecctl"), append([]string{"up"}, arguments...)...)
	cmd.Stdout, cmd.Stderr = terminal, os.Stderr
	require.NoError(t, cmd.Start())
	_ = terminal.Close()
	s := &screen{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for lines := bufio.NewScanner(master); lines.Scan(); { // an error at the end: the terminal has nobody any more
			s.mu.Lock()
			s.lines, s.times = append(s.lines, strings.TrimRight(lines.Text(), "\r")), append(s.times, time.Now())
			s.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		assert.NoError(t, cmd.Wait())
		wg.Wait()
		_ = master.Close()
	})
	return s
}

// find returns the first line with both words, and when it was there.
func (s *screen) find(words ...string) (line string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.lines, func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
	})
	if i < 0 {
		return "", at
	}
	return s.lines[i], s.times[i]
}

// last are the lines that were shown last.
func (s *screen) last(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines[max(0, len(s.lines)-n):], "\n")
}

// TestAttacksAreSeenWithinSeconds does what attackers do while nodesecctl up runs, and measures how long it takes until
// tag, technique and evidence are in the table and in the live summary.
func TestAttacksAreSeenWithinSeconds(t *testing.T) {
	newServer(t) // skips where there is no ClickHouse
	stage := openStage(t)
	port := freePort(t)
	shown := showUp(t, "--path", filepath.Join(t.TempDir(), "data"), "--tcp-port", strconv.Itoa(port))
	db, err := clickhouse.Open(&clickhouse.Options{Addr: []string{"127.0.0.1:" + strconv.Itoa(port)}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	countsInTheKernel(t, db)

	attacks := []struct {
		action, rule, technique, evidence string
		values                            action.Values
	}{
		{"read", "credentials_read_in_container", "T1003.008", "file_read_credentials=1", nil},
		{"scan_ports", "port_scan", "T1046", "network_connect_failed=", nil},
		{"shell", "shell_from_web_server", "T1505.003", "exec_shell_web_server=1", nil},
		{"memfd_exec", "memory_file_executed", "T1620", "exec_memfd=1", nil},
		{"miner", "miner_executed", "T1496.001", "exec_miner=1", action.Values{"seconds": "5"}},
	}
	actors := make([]*actor.Actor, len(attacks))
	for i := range attacks {
		a, err := action.Find(attacks[i].action)
		require.NoError(t, err)
		actors[i], err = cast(t, stage, a, actor.Config{Name: attacks[i].action[:4]})
		require.NoError(t, err)
	}
	time.Sleep(settled)
	for i, attack := range attacks {
		a, err := action.Find(attack.action)
		require.NoError(t, err)
		running, err := a.Start(t.Context(), actors[i], attack.values)
		require.NoError(t, err)
		stored := make(chan time.Time, 1)
		go func() { stored <- storedAt(t, db, actors[i].ID, attack.rule, attack.technique) }()
		outcome, err := running.Wait(t.Context())
		require.NoError(t, err)
		require.Empty(t, outcome.Failed)
		table := (<-stored).Sub(outcome.Effect)
		time.Sleep(time.Until(outcome.Effect.Add(inTime + time.Second)))
		line, at := shown.find(attack.rule, attack.technique, actors[i].ID[:12], attack.evidence)
		if assert.NotEmpty(t, line, "%s is not in the live summary:\n%s", attack.rule, shown.last(30)) {
			t.Logf("%s: after %.2f s in the table, after %.2f s in the live summary: %s", attack.rule, table.Seconds(),
				at.Sub(outcome.Effect).Seconds(), line)
			assert.Less(t, table, inTime, attack.rule)
			assert.Less(t, at.Sub(outcome.Effect), inTime, attack.rule)
		}
	}
	t.Logf("the live summary:\n%s", shown.last(60))
}

// storedAt waits until the container's sample is tagged.
func storedAt(t *testing.T, db clickhouse.Conn, id, rule, technique string) time.Time {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		var found uint64
		err := db.QueryRow(ctx, fmt.Sprintf(`SELECT count() FROM (
			SELECT ts, container, rules, severity, techniques, container_id FROM nodesec.container_samples WHERE notEmpty(rules))
			WHERE container_id = '%s' AND has(rules, '%s') AND has(techniques, '%s') AND severity != ''`, id, rule, technique)).Scan(&found)
		if err == nil && found > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Now()
}
