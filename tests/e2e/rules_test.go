// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// copyProgram copies a program to a name of its own.
func copyProgram(t *testing.T, from, to string) {
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o755))
}

// makeContainer makes a cgroup that looks like that of a container.
func makeContainer(t *testing.T) (dir, id string) {
	id = strings.Repeat(fmt.Sprintf("%016x", time.Now().UnixNano()), 4)
	parent := filepath.Join(cgroupBase(t), "docker")
	dir = filepath.Join(parent, id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("needs to make a cgroup: %v", err)
	}
	t.Cleanup(func() { _, _ = os.Remove(dir), os.Remove(parent) })
	return dir, id
}

// rulesOf waits for the rules that tag a container, all that did so far.
func rulesOf(t *testing.T, db clickhouse.Conn, id string, want ...string) {
	eventually(t, fmt.Sprintf("tags %v", want), func(ctx context.Context) error {
		var rules []string
		err := db.QueryRow(ctx, "SELECT groupUniqArrayArray(rules) FROM nodesec.container_samples WHERE container_id = '"+id+"'").Scan(&rules)
		if err != nil {
			return err
		}
		for _, rule := range want {
			if !strings.Contains(" "+strings.Join(rules, " ")+" ", " "+rule+" ") {
				return fmt.Errorf("no %s in %v", rule, rules)
			}
		}
		return nil
	})
}

// TestAnAttackInAContainerIsTagged starts a shell below a program called like a web server, and a program called like a
// miner, in a container.
func TestAnAttackInAContainerIsTagged(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	countsInTheKernel(t, db)
	work := t.TempDir()
	copyProgram(t, "/bin/sh", filepath.Join(work, "nginx"))
	copyProgram(t, "/bin/sleep", filepath.Join(work, "xmrig"))

	dir, id := makeContainer(t)
	restDir, rest := makeContainer(t)
	runIn(t, restDir, "sleep 1")
	begun := time.Now()
	runIn(t, dir, `"$1/nginx" -c '/bin/sh -c "true; sleep 0.1"; true'; "$1/xmrig" 0.2; sleep 2.2`, work)
	rulesOf(t, db, id, "shell_from_web_server", "miner_executed")

	where := "FROM nodesec.container_samples WHERE container_id = '" + id + "'"
	first := number(t, db, "SELECT toFloat64(toUnixTimestamp64Milli(min(ts))) "+where+" AND has(rules, 'shell_from_web_server')")
	assert.LessOrEqual(t, first, float64(begun.Add(2*time.Second).UnixMilli()), "tagged within two ticks")
	assert.Equal(t, 1.0, number(t, db, "SELECT toFloat64(uniqExact(severity)) "+where+" AND has(rules, 'miner_executed') AND severity = 'ERROR'"))
	assert.Equal(t, 1.0, number(t, db, "SELECT toFloat64(max(has(techniques, 'T1496.001'))) "+where))
	assert.Equal(t, 1.0, number(t, db, "SELECT max(JSONExtractFloat(attributes['nodesec.evidence'], 'miner_executed', 'values', 'exec_miner')) "+where))
	eventually(t, "the alert", func(ctx context.Context) error {
		var level string
		var techniques []string
		return db.QueryRow(ctx, "SELECT level, techniques FROM nodesec.detections WHERE NOT ended AND rule = 'miner_executed' "+
			"AND container_id = '"+id+"'").Scan(&level, &techniques)
	})
	other := " FROM nodesec.container_samples WHERE container_id = '" + rest + "'"
	assert.Positive(t, number(t, db, "SELECT toFloat64(count())"+other))
	assert.Zero(t, number(t, db, "SELECT toFloat64(countIf(has(rules, 'miner_executed')))"+other), "another container is not tagged with it")
}
