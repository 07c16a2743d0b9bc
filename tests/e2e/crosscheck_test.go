// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is a feature of the node and the series of node_exporter that must agree with it. Where several series match
// they are added up. tolerance is relative, slack absolute in the feature's unit: the two do not read at the same
// nanosecond.
type pair struct {
	feature          string
	series           string // a name, or name{part of the labels}
	without          string // series whose labels hold this do not count
	tolerance, slack float64
}

// counters are compared by their growth over the test.
var counters = []pair{
	{"system_cpu_time_user", `node_cpu_seconds_total{mode="user"}`, "", 0.05, 0.1},
	{"system_cpu_time_system", `node_cpu_seconds_total{mode="system"}`, "", 0.05, 0.1},
	{"system_cpu_time_idle", `node_cpu_seconds_total{mode="idle"}`, "", 0.05, 0.3},
	{"cpu_context_switches", "node_context_switches_total", "", 0.05, 500},
	{"cpu_interrupts", "node_intr_total", "", 0.05, 500},
	{"system_process_created", "node_forks_total", "", 0.05, 20},
	{"system_paging_faults_major", "node_vmstat_pgmajfault", "", 0.05, 5},
	{"system_disk_io_write", "node_disk_written_bytes_total", "", 0.05, 1 << 20},
	{"system_disk_operations_write", "node_disk_writes_completed_total", "", 0.1, 20},
	{"tcp_active_opens", "node_netstat_Tcp_ActiveOpens", "", 0.02, 6},
	{"tcp_passive_opens", "node_netstat_Tcp_PassiveOpens", "", 0.02, 6},
	{"tcp_segments_transmit", "node_netstat_Tcp_OutSegs", "", 0.05, 200},
	{"udp_datagrams_transmit", "node_netstat_Udp_OutDatagrams", "", 0.02, 10},
	{"network_loopback_io", `node_network_receive_bytes_total{device="lo"}`, "", 0.05, 1 << 18},
	{"system_network_io_receive", "node_network_receive_bytes_total", `device="lo"`, 0.1, 1 << 14},
}

// gauges are compared at the last tick of the test.
var gauges = []pair{
	{"system_memory_limit", "node_memory_MemTotal_bytes", "", 0, 0},
	{"system_memory_linux_available", "node_memory_MemAvailable_bytes", "", 0.02, 0},
	{"memory_committed", "node_memory_Committed_AS_bytes", "", 0.02, 0},
	{"memory_anonymous", "node_memory_AnonPages_bytes", "", 0.05, 0},
	{"system_cpu_load_average_5m", "node_load5", "", 0, 0.2},
	{"file_descriptors_open", "node_filefd_allocated", "", 0.05, 50},
	{"filesystem_available_root", `node_filesystem_avail_bytes{mountpoint="/"}`, "", 0.01, 0},
	{"filesystem_inodes_free_root", `node_filesystem_files_free{mountpoint="/"}`, "", 0.01, 0},
	{"entropy_available", "node_entropy_available_bits", "", 0, 0},
	{"tcp_orphans", "node_sockstat_TCP_orphan", "", 0, 5},
	{"sockets_used", "node_sockstat_sockets_used", "", 0.05, 10},
}

// series is one scrape of node_exporter: value by series, as in the text format.
type series map[string]float64

func (s series) sum(t *testing.T, p pair) float64 {
	name, labels, _ := strings.Cut(strings.TrimSuffix(p.series, "}"), "{")
	sum, found := 0.0, false
	for key, value := range s {
		if rest, ok := strings.CutPrefix(key, name); ok && (rest == "" || rest[0] == '{') &&
			strings.Contains(rest, labels) && (p.without == "" || !strings.Contains(rest, p.without)) {
			sum, found = sum+value, true
		}
	}
	require.True(t, found, "node_exporter has no %s", p.series)
	return sum
}

// startNodeExporter builds and starts node_exporter and returns a function that scrapes it.
func startNodeExporter(t *testing.T) func() series {
	exporter := filepath.Join(t.TempDir(), "node_exporter")
	build := exec.Command("go", "build", "-modfile=internal/tools/go.mod", "-o", exporter, "github.com/prometheus/node_exporter")
	build.Dir = "../.."
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	address := "127.0.0.1:" + strconv.Itoa(freePort(t))
	cmd := exec.Command(exporter, "--web.listen-address="+address, "--log.level=error")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return func() series { return scrape(t, address) }
}

// scrape asks for /metrics over a connection of its own, which closes at once so that it counts little.
func scrape(t *testing.T, address string) series {
	var connection net.Conn
	require.Eventually(t, func() (ok bool) {
		var err error
		connection, err = net.Dial("tcp", address)
		return err == nil
	}, 10*time.Second, 50*time.Millisecond)
	defer func() { _ = connection.Close() }()
	_, err := io.WriteString(connection, "GET /metrics HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	body, err := io.ReadAll(connection)
	require.NoError(t, err)
	result := series{}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			if value, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
				result[line[:i]] = value
			}
		}
	}
	return result
}

// exercise makes every counter grow: CPU time, processes, faults, disk writes, connections, datagrams.
func exercise(t *testing.T, d time.Duration) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = echo.Close() }()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	file, err := os.Create(filepath.Join(t.TempDir(), "written"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for end := time.Now().Add(d); time.Now().Before(end); {
		require.NoError(t, exec.Command("true").Run())
		c, err := net.Dial("tcp", echo.Addr().String())
		require.NoError(t, err)
		_, _ = c.Write(make([]byte, 64<<10))
		_ = c.Close()
		u, err := net.Dial("udp", "127.0.0.1:9")
		require.NoError(t, err)
		_, _ = u.Write([]byte("x"))
		_ = u.Close()
		_, err = file.Write(make([]byte, 256<<10))
		require.NoError(t, err)
		require.NoError(t, file.Sync())
	}
}

func TestNodeAgreesWithNodeExporter(t *testing.T) {
	server := newServer(t)
	scrape := startNodeExporter(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	rowsArrive(t, db, "node_samples", 3)

	// Both read at the same two ticks, while little happens; what is compared happens in between.
	first := nextTick(200 * time.Millisecond)
	before := scrape()
	time.Sleep(500 * time.Millisecond)
	exercise(t, 5*time.Second)
	time.Sleep(500 * time.Millisecond)
	last := nextTick(200 * time.Millisecond)
	after := scrape()

	rowsOf := tickIsStored(t, db, last)
	for _, p := range counters {
		t.Run(p.feature, func(t *testing.T) {
			grown := number(t, db, fmt.Sprintf("SELECT sum(`%s`) FROM nodesec.node_samples WHERE ts > %s AND ts <= %s", p.feature, milli(first), milli(last)))
			agree(t, p, after.sum(t, p)-before.sum(t, p), grown)
		})
	}
	for _, p := range gauges {
		t.Run(p.feature, func(t *testing.T) {
			agree(t, p, after.sum(t, p), number(t, db, fmt.Sprintf("SELECT `%s` FROM nodesec.node_samples WHERE ts = %s", p.feature, milli(rowsOf))))
		})
	}
}

func agree(t *testing.T, p pair, want, got float64) {
	t.Logf("%s: node_exporter %g, nodesec %g", p.feature, want, got)
	assert.LessOrEqual(t, math.Abs(got-want), p.tolerance*math.Abs(want)+p.slack,
		"%s is %g, node_exporter's %s %g", p.feature, got, p.series, want)
}

// nextTick sleeps until a little after the next full second and returns that second.
func nextTick(after time.Duration) time.Time {
	tick := time.Now().Truncate(time.Second).Add(time.Second)
	time.Sleep(time.Until(tick.Add(after)))
	return tick
}

// tickIsStored waits until the node's row of the tick can be queried.
func tickIsStored(t *testing.T, db clickhouse.Conn, tick time.Time) time.Time {
	require.Eventually(t, func() bool {
		var n uint64
		err := db.QueryRow(t.Context(), "SELECT count() FROM nodesec.node_samples WHERE ts >= "+milli(tick)).Scan(&n)
		return err == nil && n > 0
	}, 20*time.Second, 100*time.Millisecond, "the row of %s", tick)
	return tick
}

func number(t *testing.T, db clickhouse.Conn, query string) float64 {
	var value float64
	require.NoError(t, db.QueryRow(t.Context(), query).Scan(&value), query)
	return value
}

func milli(tick time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", tick.UnixMilli())
}
