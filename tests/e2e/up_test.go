// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/quickstart"
)

// run runs a program to its end and returns what it wrote to standard output.
func run(t *testing.T, name string, arguments ...string) string {
	cmd := exec.Command(binary(t, name), arguments...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s %s: %s", name, strings.Join(arguments, " "), &stderr)
	return stdout.String()
}

func TestUpStoresThisHostAndQueryReadsIt(t *testing.T) {
	newServer(t) // skips where there is no ClickHouse
	path := filepath.Join(t.TempDir(), "data with spaces")
	var summary quickstart.Summary
	require.NoError(t, json.Unmarshal([]byte(run(t, "nodesecctl", "up", "--for", "20s", "--output", "json", "--path", path)), &summary))

	rows := map[string]uint64{}
	for _, table := range summary.Tables {
		rows[table.Name] = table.Rows
		assert.LessOrEqual(t, table.Rows, table.Values, table.Name)
	}
	assert.GreaterOrEqual(t, rows["node_samples"], uint64(10))
	assert.GreaterOrEqual(t, rows["process_samples"], uint64(10))
	assert.GreaterOrEqual(t, rows["container_samples"], uint64(10))
	assert.NotZero(t, summary.BytesOnDisk)
	assert.Less(t, summary.Lag.Median, 2.0, "seconds from tick to queryable")

	// The data is kept: the query starts the database for itself.
	fields := strings.Fields(run(t, "nodesecctl", "query", "--path", path, "--format", "TSV",
		"SELECT count(), uniqExact(ts), countIf(interval_ms BETWEEN 500 AND 5000) FROM nodesec.node_samples"))
	require.Len(t, fields, 3)
	assert.Equal(t, fields[0], fields[1], "one node row a tick")
	assert.NotEqual(t, "0", fields[2])

	text := run(t, "nodesecctl", "query", "--path", path,
		"SELECT comment FROM system.columns WHERE database = 'nodesec' AND table = 'node_samples' AND name = 'system_cpu_time_user'")
	assert.Contains(t, text, `"metric":"system.cpu.time"`, "the column documents itself")
}
