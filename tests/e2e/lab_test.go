// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
	"github.com/nodesec/nodesec/lab/runner"
)

// labCommand is `nodesecctl lab` on the server.
func labCommand(t *testing.T, server *embeddedtest.Server, arguments ...string) *exec.Cmd {
	if os.Geteuid() != 0 && os.Getenv("NODESEC_TEST_BPF") != "1" {
		t.Skip("needs root: the lab makes cgroups and namespaces")
	}
	return exec.Command(binary(t, "nodesecctl"), append(append([]string{"lab"}, arguments...), "--url", server.Info().HTTPURL())...)
}

// waitForAgent waits until the lab would find an agent at work.
func waitForAgent(t *testing.T, db clickhouse.Conn) {
	countsInTheKernel(t, db)
	rowsArrive(t, db, "container_samples", 1)
}

// TestLabWritesDownWhatHappened runs a few scenarios on this host and compares the annotations, and the labels that samples
// get by them, with the lab's own log.
func TestLabWritesDownWhatHappened(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	waitForAgent(t, db)
	records := t.TempDir()

	out, err := labCommand(t, server, "run", "web-shell", "admin-exec", "quiet", "slowloris", "--seed", "7", "--runs", "2", "--parallel", "4",
		"--records", records, "--i-own-this-host").CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	out, err = labCommand(t, server, "verify", "--records", records).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)

	all, err := runner.ReadRecords(records)
	require.NoError(t, err)
	require.Len(t, all, 8)
	for _, r := range all {
		require.Empty(t, r.Failed)
		for i := range r.Steps {
			assert.Equal(t, runner.Done, r.Steps[i].Outcome, "%s %s: %s", r.ID, r.Steps[i].Name, r.Steps[i].Message)
		}
		for i := range r.Actors {
			compareLabels(t, db, r, &r.Actors[i])
		}
	}
	differentSeedsDiffer(t, all)
	exportAndCompare(t, server, all)

	// A record that says something else is found out.
	all[0].Steps[0].End = all[0].Steps[0].End.Add(time.Millisecond)
	require.NoError(t, all[0].Write(records))
	out, err = labCommand(t, server, "verify", "--records", records).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "differs")
}

// differentSeedsDiffer looks for two runs of a scenario that waited for the same time before their first step.
func differentSeedsDiffer(t *testing.T, all []*runner.Record) {
	for _, a := range all {
		for _, b := range all {
			if a.ID != b.ID && a.Scenario == b.Scenario {
				assert.NotEqual(t, a.Seed, b.Seed)
				assert.NotEqual(t, a.Steps[0].Since.Round(time.Millisecond), b.Steps[0].Since.Round(time.Millisecond))
			}
		}
	}
}

// compareLabels expects of each sample of an actor the label that the log gives its time: that of a step which covers all of
// it, and benign where no step touches it. What lies at the edge of a step may be either.
func compareLabels(t *testing.T, db clickhouse.Conn, r *runner.Record, a *runner.Actor) {
	rows, err := db.Query(t.Context(), fmt.Sprintf("SELECT ts, interval_ms, label, run FROM nodesec.container_dataset"+
		"(from = %s, to = %s) WHERE container_id = '%s' ORDER BY ts", milli(r.Started), milli(r.Ended.Add(2*time.Second)), a.ContainerID))
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	inside, outside := 0, 0
	for rows.Next() {
		var ts time.Time
		var interval uint32
		var label, run string
		require.NoError(t, rows.Scan(&ts, &interval, &label, &run))
		begin := ts.Add(-time.Duration(interval) * time.Millisecond)
		want, touched := "benign", false
		for _, s := range r.Steps {
			if s.Actor != a.Name || !s.Begin.Before(ts) || !s.End.After(begin) {
				continue
			}
			touched = true
			if !s.Begin.After(begin) && !s.End.Before(ts) {
				want = string(s.Label)
			}
		}
		if begin.Before(a.Made) || ts.After(a.Closed) {
			continue // of a container that began or ended in it
		}
		switch {
		case !touched:
			outside++
			assert.Equal(t, "benign", label, "%s at %s", r.ID, ts)
		case want != "benign":
			inside++
			assert.Equal(t, want, label, "%s at %s", r.ID, ts)
		default:
			assert.NotEmpty(t, label, "%s at %s", r.ID, ts)
		}
		assert.Equal(t, r.ID, run)
	}
	require.NoError(t, rows.Err())
	assert.Positive(t, outside, "%s: no sample of %s without a step", r.ID, a.Name)
	if r.Scenario == "slowloris" && a.Name == "client" {
		assert.Positive(t, inside, "%s: no sample within the attack", r.ID)
	}
}

// TestLabRefusesHostsThatAreNoLab expects that nothing at all is done.
func TestLabRefusesHostsThatAreNoLab(t *testing.T) {
	if _, err := os.Stat(runner.HostMarker); err == nil {
		t.Skipf("this host is marked as a lab: %s", runner.HostMarker)
	}
	out, err := exec.Command(binary(t, "nodesecctl"), "lab", "run", "quiet", "--url", "http://127.0.0.1:1", "--records", t.TempDir()).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "this host is not marked as a lab")
	assert.Contains(t, string(out), "--i-own-this-host")
}

// TestKilledLabLeavesNothing kills the lab in the middle of an attack.
func TestKilledLabLeavesNothing(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	waitForAgent(t, db)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	before := labCgroups(t)

	cmd := labCommand(t, server, "run", "miner", "ransomware", "--parallel", "2", "--records", t.TempDir(), "--i-own-this-host")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	var made []string
	eventually(t, "actors at work", func(context.Context) error {
		made = without(labCgroups(t), before)
		if len(made) < 3 { // two actors and the container of marks
			return fmt.Errorf("%d cgroups of the lab; it says: %s", len(made), &out)
		}
		return nil
	})
	time.Sleep(4 * time.Second) // into the steps
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()

	eventually(t, "the processes' end", func(context.Context) error {
		for _, dir := range made {
			procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err == nil && len(procs) > 0 {
				return fmt.Errorf("%s: %s", dir, procs)
			}
		}
		return nil
	})
	now, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	assert.Equal(t, string(mounts), string(now))
	// The table may not be there: it is made by the first annotation.
	var annotations uint64
	if err := db.QueryRow(t.Context(), "SELECT count() FROM nodesec.annotations").Scan(&annotations); err != nil {
		assert.ErrorContains(t, err, "annotations")
	}
	assert.Zero(t, annotations, "a run without an end has no ground truth")

	text, err := labCommand(t, server, "run", "quiet", "--records", t.TempDir(), "--i-own-this-host").CombinedOutput()
	require.NoError(t, err, "%s", text)
	for _, dir := range made {
		_, err := os.Stat(dir)
		assert.True(t, errors.Is(err, os.ErrNotExist), "%s is still there", dir)
	}
}

// labCgroups are the cgroups of the lab's actors in one hierarchy.
func labCgroups(t *testing.T) []string {
	for _, pattern := range []string{"/sys/fs/cgroup/memory/nodesec-lab/*", "/sys/fs/cgroup/nodesec-lab/*"} {
		dirs, err := filepath.Glob(pattern)
		require.NoError(t, err)
		if len(dirs) > 0 {
			return dirs
		}
	}
	return nil
}

// without leaves out what was there.
func without(all, before []string) (rest []string) {
	known := strings.Join(before, "\n") + "\n"
	for _, name := range all {
		if !strings.Contains(known, name+"\n") {
			rest = append(rest, name)
		}
	}
	return rest
}

// duckDB answers a query, with rows as objects.
func duckDB[T any](t *testing.T, query string) []T {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "read.mjs"} {
		copyProgram(t, filepath.Join("duckdb", name), filepath.Join(folder, name))
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("NODESEC_TEST_CLICKHOUSE") == "1" {
			t.Fatalf("install DuckDB: %v: %s", err, out)
		}
		t.Skipf("install DuckDB: %v: %s", err, out)
	}
	read := exec.Command("node", "read.mjs", query)
	read.Dir = folder
	out, err := read.CombinedOutput()
	require.NoError(t, err, "%s: %s", query, out)
	var rows []T
	require.NoError(t, json.Unmarshal(out, &rows), "%s", out)
	return rows
}

// exported is what a reader that is not ours finds in an exported data set.
type exported struct {
	TS        string `json:"ts"`
	Container string `json:"container_id"`
	Label     string `json:"label"`
	Run       string `json:"run"`
	Split     string `json:"split"`
}

// exportAndCompare exports the runs (without the check: in so few rows a feature may separate attacks by chance), reads the files with DuckDB, and compares labels with the lab's own log.
func exportAndCompare(t *testing.T, server *embeddedtest.Server, all []*runner.Record) {
	from, to := all[0].Started, all[0].Ended
	for _, r := range all {
		if r.Started.Before(from) {
			from = r.Started
		}
		if r.Ended.After(to) {
			to = r.Ended
		}
	}
	folder := filepath.Join(t.TempDir(), "dataset")
	out, err := exec.Command(binary(t, "nodesecctl"), "export", "--url", server.Info().HTTPURL(), "--output", folder, "--split", "run",
		"--shares", "0.5,0,0.5", "--check=false", "--from", from.UTC().Format(time.RFC3339Nano), "--to", to.UTC().Add(2*time.Second).Format(time.RFC3339Nano)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	rows := duckDB[exported](t, "SELECT strftime(ts, '%Y-%m-%dT%H:%M:%S.%gZ') AS ts, container_id, s.label, run, regexp_extract(s.filename, 'side/([a-z]+)/', 1) AS split "+
		"FROM read_parquet('"+folder+"/side/*/*.parquet', filename = true) s")
	splits, attacks := map[string]string{}, 0
	for _, row := range rows {
		i := slices.IndexFunc(all, func(r *runner.Record) bool { return r.ID == row.Run })
		require.GreaterOrEqual(t, i, 0, "the run %q", row.Run)
		if before, known := splits[row.Run]; known {
			require.Equal(t, before, row.Split, "the run %s is torn apart", row.Run)
		}
		splits[row.Run] = row.Split
		ts, err := time.Parse(time.RFC3339, row.TS)
		require.NoError(t, err)
		if row.Label == "attack" {
			attacks++
		}
		assert.Contains(t, labelsAt(all[i], row.Container, ts), row.Label, "%s at %s", row.Run, row.TS)
	}
	assert.Len(t, splits, len(all))
	assert.Positive(t, attacks)
	lines := duckDB[struct{ Data, Side, Labels string }](t, "SELECT (SELECT count(*) FROM read_parquet('"+folder+"/data/*/*.parquet')) AS data, "+
		"(SELECT count(*) FROM read_parquet('"+folder+"/side/*/*.parquet')) AS side, (SELECT count(DISTINCT label) FROM read_parquet('"+folder+"/data/*/*.parquet')) AS labels")
	assert.Equal(t, fmt.Sprint(len(rows)), lines[0].Data)
	assert.Equal(t, lines[0].Data, lines[0].Side)
	assert.Equal(t, "3", lines[0].Labels, "attack, admin and benign")
	sums := exec.Command("sha256sum", "--check", "--quiet", "SHA256SUMS")
	sums.Dir = folder
	out, err = sums.CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

// labelsAt are the labels that the log has for a tick of an actor: of the steps that touch it, or benign.
func labelsAt(r *runner.Record, container string, ts time.Time) (labels []string) {
	for _, s := range r.Steps {
		for _, a := range r.Actors {
			if a.Name == s.Actor && a.ContainerID == container && !s.Begin.After(ts) && s.End.After(ts.Add(-time.Second)) {
				labels = append(labels, string(s.Label))
			}
		}
	}
	if len(labels) == 0 {
		return []string{"benign"}
	}
	return labels
}
