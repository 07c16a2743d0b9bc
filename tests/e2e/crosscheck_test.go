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
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is a feature of the node and the series of node_exporter that must agree with it.
type pair struct {
	feature string
	series  string // names or name{part of the labels}, separated by blanks; all that match are added up
	without string // series whose labels hold this do not count
	// Room around the readings of node_exporter: relative, and absolute in the feature's unit.
	tolerance, slack float64
}

// counters must grow as much as they do for node_exporter: at least from its reading after our first tick to that before
// our last one, at most from that before our first to that after our last. So there is no room for more than rounding.
var counters = []pair{
	{"system_cpu_time_user", `node_cpu_seconds_total{mode="user"}`, "", 0, 0.05},
	{"system_cpu_time_system", `node_cpu_seconds_total{mode="system"}`, "", 0, 0.05},
	{"cpu_context_switches", "node_context_switches_total", "", 0, 0},
	{"cpu_interrupts", "node_intr_total", "", 0, 0},
	{"system_process_created", "node_forks_total", "", 0, 0},
	{"system_disk_io_write", "node_disk_written_bytes_total", "", 0, 0},
	{"system_disk_operations_write", "node_disk_writes_completed_total", "", 0, 0},
	{"tcp_active_opens", "node_netstat_Tcp_ActiveOpens", "", 0, 0},
	{"tcp_passive_opens", "node_netstat_Tcp_PassiveOpens", "", 0, 0},
	{"tcp_segments_transmit", "node_netstat_Tcp_OutSegs", "", 0, 0},
	{"udp_datagrams_transmit", "node_netstat_Udp_OutDatagrams node_netstat_Udp6_OutDatagrams", "", 0, 0},
	{"network_loopback_io", `node_network_receive_bytes_total{device="lo"}`, "", 0, 0},
}

// idleCounters are counters that may stand still on the host of the test. The kernel's idle time is no strict counter:
// it may go back a little.
var idleCounters = []pair{
	{"system_cpu_time_idle", `node_cpu_seconds_total{mode="idle"}`, "", 0, 0.1},
	{"system_paging_faults_major", "node_vmstat_pgmajfault", "", 0, 0},
	{"system_network_io_receive", "node_network_receive_bytes_total", `device="lo"`, 0, 0},
}

// gauges must lie between the two readings of node_exporter around them. They may be elsewhere for a moment, most of all
// because every tick lets the collector and ClickHouse work; so there is some room, and most ticks are enough.
var gauges = []pair{
	{"system_memory_limit", "node_memory_MemTotal_bytes", "", 0, 0},
	{"system_memory_linux_available", "node_memory_MemAvailable_bytes", "", 0.005, 0},
	{"memory_committed", "node_memory_Committed_AS_bytes", "", 0.01, 0},
	{"memory_anonymous", "node_memory_AnonPages_bytes", "", 0.02, 0},
	{"system_cpu_load_average_5m", "node_load5", "", 0, 0},
	{"file_descriptors_open", "node_filefd_allocated", "", 0, 64},
	{"filesystem_available_root", `node_filesystem_avail_bytes{mountpoint="/"}`, "", 0.0001, 0},
	{"filesystem_inodes_free_root", `node_filesystem_files_free{mountpoint="/"}`, "", 0.0001, 0},
	{"entropy_available", "node_entropy_available_bits", "", 0, 0},
	{"tcp_orphans", "node_sockstat_TCP_orphan", "", 0, 2},
	{"sockets_used", "node_sockstat_sockets_used", "", 0, 8},
}

// bracket is a tick and what node_exporter read just before and just after the node was read in it.
type bracket struct {
	tick          time.Time
	before, after series
}

// bracketTick returns the next tick that lies between two scrapes of node_exporter. On a machine that is busy, a scrape or
// our reading can be so late that the order is not certain; then it tries another tick.
func bracketTick(t *testing.T, db clickhouse.Conn, scrape func() series) bracket {
	const lead = 250 * time.Millisecond    // of each scrape before and after the tick
	const reading = 100 * time.Millisecond // more than it takes to read the node
	for range 30 {
		b := bracket{tick: time.Now().Add(lead).Truncate(time.Second).Add(time.Second)}
		time.Sleep(time.Until(b.tick.Add(-lead)))
		b.before = scrape()
		early := time.Now().Before(b.tick)
		time.Sleep(time.Until(b.tick.Add(lead)))
		began := time.Now()
		b.after = scrape()
		tickIsStored(t, db, "node_samples", b.tick)
		skew := number(t, db, "SELECT if(count() = 1, any(quality_skew_ms), 1e6) FROM nodesec.node_samples WHERE ts = "+milli(b.tick))
		read := b.tick.Add(time.Duration(skew * float64(time.Millisecond)))
		if early && read.Add(reading).Before(began) {
			return b
		}
		t.Logf("tick %s is of no use: first scrape in time: %v, read %.0f ms late", b.tick, early, skew)
	}
	t.Fatal("no tick was read between two scrapes of node_exporter: the machine is too busy")
	return bracket{}
}

func TestNodeAgreesWithNodeExporter(t *testing.T) {
	server := newServer(t)
	scrape := startNodeExporter(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	rowsArrive(t, db, "node_samples", 3)

	first := bracketTick(t, db, scrape)
	exercise(t, 5*time.Second)
	last := bracketTick(t, db, scrape)
	ticks, agreed := compareGauges(t, db, scrape)

	for i, p := range append(counters, idleCounters...) {
		t.Run(p.feature, func(t *testing.T) {
			got := number(t, db, fmt.Sprintf("SELECT sum(`%s`) FROM nodesec.node_samples WHERE ts > %s AND ts <= %s",
				p.feature, milli(first.tick), milli(last.tick)))
			low := last.before.sum(t, p) - first.after.sum(t, p)
			assert.True(t, p.agrees(t, low, last.after.sum(t, p)-first.before.sum(t, p), got))
			if i < len(counters) {
				assert.Positive(t, low, "the test does not make it grow")
			}
		})
	}
	for _, p := range gauges {
		assert.Greater(t, 2*agreed[p.feature], ticks, "%s agrees at %d ticks of %d", p.feature, agreed[p.feature], ticks)
	}
}

// compareGauges returns at how many ticks each gauge agreed, and of how many. It takes more ticks where that is not most
// of them.
func compareGauges(t *testing.T, db clickhouse.Conn, scrape func() series) (ticks int, agreed map[string]int) {
	agreed = map[string]int{}
	for enough := false; !enough && ticks < 15; {
		b := bracketTick(t, db, scrape)
		ticks++
		enough = ticks >= 5
		for _, p := range gauges {
			got := number(t, db, fmt.Sprintf("SELECT `%s` FROM nodesec.node_samples WHERE ts = %s", p.feature, milli(b.tick)))
			if p.agrees(t, b.before.sum(t, p), b.after.sum(t, p), got) {
				agreed[p.feature]++
			}
			enough = enough && 2*agreed[p.feature] > ticks
		}
	}
	return ticks, agreed
}

// agrees tells whether ours lies between two readings of node_exporter, and logs all three.
func (p pair) agrees(t *testing.T, one, other, ours float64) bool {
	room := p.tolerance*max(math.Abs(one), math.Abs(other)) + p.slack
	ok := ours >= min(one, other)-room && ours <= max(one, other)+room
	t.Logf("node_exporter's %s %g to %g, ours %g: %v", p.series, one, other, ours, ok)
	return ok
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
