// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cgroupBase is the hierarchy that the receivers tell containers apart in.
func cgroupBase(t *testing.T) string {
	for _, base := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/memory"} {
		if _, err := os.Stat(filepath.Join(base, "cgroup.procs")); err == nil {
			return base
		}
	}
	t.Skip("there are no cgroups")
	return ""
}

// makeCgroup makes a cgroup with a name of its own.
func makeCgroup(t *testing.T) (dir string) {
	dir, err := os.MkdirTemp(cgroupBase(t), "nodesec-e2e-")
	if err != nil {
		t.Skipf("needs to make a cgroup: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	return dir
}

// runIn runs a shell script in the cgroup: the shell waits until it is there.
func runIn(t *testing.T, dir, script string, args ...string) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", "read go; " + script, "sh"}, args...)...)
	begin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	pid := strconv.Itoa(cmd.Process.Pid)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(pid), 0))
	_, err = begin.Write([]byte("go\n"))
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
}

// countsInTheKernel waits for security features; without the privileges for BPF the test is skipped, or fails where it
// must run.
func countsInTheKernel(t *testing.T, db clickhouse.Conn) {
	if os.Geteuid() != 0 && os.Getenv("NODESEC_TEST_BPF") != "1" {
		t.Skip("needs root or CAP_BPF and CAP_PERFMON")
	}
	eventually(t, "security features of this host", func(ctx context.Context) error {
		var rows uint64
		err := db.QueryRow(ctx, "SELECT countIf(isFinite(exec_count)) FROM nodesec.node_samples").Scan(&rows)
		if err == nil && rows < 2 {
			err = fmt.Errorf("%d rows", rows)
		}
		return err
	})
}

// TestWhatHappensInAContainerIsStoredAsItsFeatures does things in a fresh cgroup and reads what was counted there.
func TestWhatHappensInAContainerIsStoredAsItsFeatures(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	countsInTheKernel(t, db)

	own, beside := makeCgroup(t), makeCgroup(t)
	idle := exec.Command("/bin/sleep", "600")
	require.NoError(t, idle.Start())
	t.Cleanup(func() { _ = idle.Process.Kill(); _ = idle.Wait() })
	require.NoError(t, os.WriteFile(filepath.Join(beside, "cgroup.procs"), []byte(strconv.Itoa(idle.Process.Pid)), 0))

	work := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(work, "victim"), []byte("x"), 0o600))
	runIn(t, own, `cat /etc/shadow >/dev/null
		chmod 4755 "$1/victim"
		for i in 1 2 3 4 5; do mv "$1/victim" "$1/victim.$i"; mv "$1/victim.$i" "$1/victim"; done
		rm "$1/victim"
		sleep 2.5`, work)
	lastIsStored(t, db, "container_samples")

	where := fmt.Sprintf("FROM nodesec.container_samples WHERE cgroup = '/%s'", filepath.Base(own))
	for feature, want := range map[string]float64{
		"exec_count":             14, // cat, chmod, 10 mv, rm, sleep
		"exec_failed":            0,
		"task_fork":              13, // the shell becomes the last one
		"file_read_credentials":  1,
		"file_rename":            10,
		"file_unlink":            1,
		"privilege_chmod_setuid": 1,
		"exec_user_management":   0,
		"network_connect":        0,
		"call_ptrace_attach":     0,
	} {
		got := number(t, db, fmt.Sprintf("SELECT sumIf(`%s`, isFinite(`%[1]s`)) %s", feature, where))
		if feature == "exec_count" || feature == "task_fork" {
			assert.InDelta(t, want, got, 1, "%s: shells differ in whether they become the last program", feature)
			continue
		}
		assert.Equal(t, want, got, feature)
	}
	assert.Greater(t, number(t, db, "SELECT toFloat64(max(posture_root)) "+where+" AND isFinite(posture_root)"), 0.0)

	assert.Equal(t, 1.0, number(t, db, "SELECT toFloat64(uniqExact(entity)) "+where), "both receivers name one entity")
	both := number(t, db, `SELECT toFloat64(count()) FROM (
		SELECT ts, countIf(isFinite(syscall_count)) AS security, countIf(isFinite(memory_usage)) AS resource
		FROM (SELECT ts, syscall_count, container_memory_usage AS memory_usage `+where+`)
		GROUP BY ts HAVING security > 0 AND resource > 0)`)
	assert.Greater(t, both, 1.0, "ticks with features of both")

	neighbour := fmt.Sprintf("FROM nodesec.container_samples WHERE cgroup = '/%s' AND isFinite(exec_count)", filepath.Base(beside))
	assert.Zero(t, number(t, db, "SELECT sum(exec_count + file_open + file_rename) "+neighbour))
	assert.Greater(t, number(t, db, "SELECT toFloat64(count()) "+neighbour), 1.0)
}

// TestAContainerThatLivesForLessThanATickIsStored makes a cgroup, runs something in it and removes it at once.
func TestAContainerThatLivesForLessThanATickIsStored(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), 5*time.Second)
	db := connect(t, server)
	countsInTheKernel(t, db)

	time.Sleep(time.Until(time.Now().Truncate(5 * time.Second).Add(6 * time.Second))) // well within a tick
	dir := makeCgroup(t)
	runIn(t, dir, "cat /etc/shadow >/dev/null; true")
	require.NoError(t, os.Remove(dir))
	tickIsStored(t, db, "container_samples", time.Now().Add(5*time.Second))

	where := fmt.Sprintf("FROM nodesec.container_samples WHERE cgroup = '/%s'", filepath.Base(dir))
	assert.Equal(t, 1.0, number(t, db, "SELECT toFloat64(count()) "+where), "rows")
	assert.Equal(t, 1.0, number(t, db, "SELECT exec_count "+where))
	assert.Equal(t, 1.0, number(t, db, "SELECT file_read_credentials "+where))
	assert.Equal(t, 1.0, number(t, db, "SELECT quality_attribution "+where))
	interval := number(t, db, "SELECT toFloat64(interval_ms) "+where)
	assert.Greater(t, interval, 0.0)
	assert.Less(t, interval, 5000.0, "the window begins when the container was made")
}
