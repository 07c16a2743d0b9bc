// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/clickhouse"
)

// sizingTime is how long the agent is measured with each setting, after as long as it takes to settle.
const sizingTime, settling = 2 * time.Minute, 45 * time.Second

// TestSizing measures what an agent costs, for the table of docs/kubernetes.md: `make sizing`.
func TestSizing(t *testing.T) {
	if os.Getenv("NODESEC_TEST_SIZING") != "1" {
		t.Skip("takes a quarter of an hour: make sizing")
	}
	n := newNode(t)
	var table strings.Builder
	for _, pods := range []int{10, 100} {
		n.spread(pods)
		for _, interval := range []string{"10s", "1s"} {
			fmt.Fprintf(&table, "%s\n", n.size(interval))
		}
	}
	t.Logf("\n| interval | containers | process rows per tick | CPU, cores | memory | of it anonymous | stored per day |\n"+
		"|---:|---:|---:|---:|---:|---:|---:|\n%s", table.String())
}

// spread starts pods that each do a little, and waits for them.
func (n *node) spread(pods int) {
	n.t.Helper()
	n.kubectl("apply", "-f", "testdata/spread.yaml")
	n.kubectl("scale", "-n", work, "deployment/spread", fmt.Sprintf("--replicas=%d", pods))
	n.kubectl("rollout", "status", "-n", work, "deployment/spread", "--timeout=10m")
}

// size measures the agent, by the rows that it makes of itself, and what its rows need on disk. It returns a row of the table.
func (n *node) size(interval string) string {
	n.t.Helper()
	n.install("--set", "interval="+interval)
	time.Sleep(settling)
	from := time.Now().Truncate(10 * time.Second)
	time.Sleep(sizingTime)
	to := time.Now().Truncate(10 * time.Second)
	span := fmt.Sprintf(`ts > fromUnixTimestamp64Milli(%d) AND ts <= fromUnixTimestamp64Milli(%d)`, from.UnixMilli(), to.UnixMilli())
	time.Sleep(5 * time.Second)
	agent := rows[struct{ Cores, Memory, Anonymous, Ticks float64 }](n, fmt.Sprintf(`SELECT sum(cpu_usage) / %g AS Cores,
		max(container_memory_usage) AS Memory, max(container_memory_rss) AS Anonymous, toFloat64(uniqExact(ts)) AS Ticks
		FROM nodesec.container_samples WHERE container = 'agent' AND %s`, to.Sub(from).Seconds(), span))[0]
	require.Positive(n.t, agent.Ticks)
	var stored float64
	count := map[string]float64{}
	for _, scope := range []string{"node", "container", "process"} {
		table := "nodesec." + scope + "_samples"
		require.NoError(n.t, n.db.Exec(n.t.Context(), clickhouse.Query{Text: "OPTIMIZE TABLE " + table + " FINAL"}))
		count[scope] = n.number(`SELECT toFloat64(count()) AS n FROM ` + table + ` WHERE ` + span)
		stored += count[scope] * n.number(`SELECT sum(data_compressed_bytes) / sum(rows) AS n FROM system.parts
			WHERE active AND database = 'nodesec' AND table = '`+scope+`_samples'`)
	}
	return fmt.Sprintf("| %s | %.0f | %.0f | %.3f | %.0f MB | %.0f MB | %.0f MB |", interval, count["container"]/agent.Ticks,
		count["process"]/agent.Ticks, agent.Cores, agent.Memory/1e6, agent.Anonymous/1e6, stored*86400/to.Sub(from).Seconds()/1e6)
}
