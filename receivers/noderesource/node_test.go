// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// kernels are the trees of kernel files that the parsers are tested with.
const kernels = "../internal/procfs/testdata"

// nodeRun scrapes the node of a tree of kernel files at ticks ten seconds apart, on a clock of its own.
type nodeRun struct {
	t       testing.TB
	root    string // a symbolic link to the tree
	scraper *nodeScraper
	emitter emitter
	now     time.Time
	logs    *observer.ObservedLogs
}

func newNodeRun(t testing.TB, tree string, configure ...func(*Config)) *nodeRun {
	cfg := createDefaultConfig().(*Config)
	for _, c := range configure {
		c(cfg)
	}
	core, logs := observer.New(zap.InfoLevel)
	run := &nodeRun{t: t, root: filepath.Join(t.TempDir(), "root"), logs: logs,
		now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	run.become(tree)
	boot := run.now.Add(-time.Hour)
	run.emitter = newEmitter(cfg, receivertest.NewNopSettings(metadata.Type), clock{
		wall: func() time.Time { return run.now.Add(2 * time.Millisecond) },
		boot: func() time.Duration { return run.now.Add(2 * time.Millisecond).Sub(boot) },
	})
	run.emitter.hostName = "node-1"
	run.scraper = newNodeScraper(run.root, nodeOptions{logger: zap.New(core), maxDevices: cfg.Devices.Max})
	run.scraper.adjtimex = func(clock *unix.Timex) (int, error) {
		*clock = unix.Timex{Offset: -1500, Maxerror: 2500, Status: unix.STA_NANO}
		return unix.TIME_OK, nil
	}
	run.scraper.statfs = func(string, uint64) (unix.Statfs_t, error) {
		return unix.Statfs_t{Bsize: 4096, Frsize: 4096, Blocks: 1000, Bfree: 400, Bavail: 350, Files: 100, Ffree: 30}, nil
	}
	return run
}

// become makes the node that of another tree.
func (r *nodeRun) become(tree string) {
	target, err := filepath.Abs(tree)
	require.NoError(r.t, err)
	_ = os.Remove(r.root)
	require.NoError(r.t, os.Symlink(target, r.root))
}

// scrape takes the next sample.
func (r *nodeRun) scrape(host hostCounts) (pmetric.Metrics, error) {
	r.now = r.now.Add(10 * time.Second)
	r.emitter.begin(tick.Tick{Time: r.now, Interval: 10 * time.Second})
	err := r.scraper.scrape(&r.emitter, host)
	return r.emitter.end(), err
}

// mustScrape takes the next sample, in which nothing may fail that did not fail before.
func (r *nodeRun) mustScrape() pmetric.Metrics {
	metrics, err := r.scrape(hostCounts{})
	require.NoError(r.t, err)
	return metrics
}

func cumulative(c *Config) { c.Temporality = temporalityCumulative }

func perDevice(c *Config) {
	c.Metrics.NodesecDeviceDiskIo.Enabled = true
	c.Metrics.NodesecDeviceDiskOperations.Enabled = true
	c.Metrics.NodesecDeviceNetworkIo.Enabled = true
	c.Metrics.NodesecDeviceNetworkPackets.Enabled = true
	c.Metrics.NodesecDeviceNetworkErrors.Enabled = true
	c.Metrics.NodesecDeviceNetworkDropped.Enabled = true
}

func TestNodeScrapeGolden(t *testing.T) {
	host := hostCounts{threads: 159, knowsProcesses: true, containers: 3, knowsContainers: true}
	host.processes[metadata.AttributeProcessStateRunning] = 1
	host.processes[metadata.AttributeProcessStateSleeping] = 70
	for _, tt := range []struct {
		name, first, second, golden string
		configure                   []func(*Config)
	}{
		{"the first sample has gauges only", "", "linux-6.18", "first.yaml", nil},
		{"the second sample has what counters grew by", "linux-6.18", "linux-6.18-later", "second.yaml",
			[]func(*Config){perDevice}},
		{"cumulative sums are the counters themselves", "", "linux-6.18", "cumulative.yaml",
			[]func(*Config){cumulative, perDevice}},
		{"an old kernel lacks some features", "linux-3", "linux-3", "linux-3.yaml", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := newNodeRun(t, filepath.Join(kernels, tt.second), tt.configure...)
			if tt.first != "" {
				run.become(filepath.Join(kernels, tt.first))
				_, err := run.scrape(host)
				require.NoError(t, err)
				run.become(filepath.Join(kernels, tt.second))
			}
			metrics, err := run.scrape(host)
			require.NoError(t, err)
			requireGolden(t, filepath.Join("testdata", "node", tt.golden), metrics)
		})
	}
}

func TestNodeScrapeReportsOnceWhatTheKernelLacks(t *testing.T) {
	run := newNodeRun(t, filepath.Join(kernels, "linux-3"))
	missing := value(t, run.mustScrape(), "nodesec.quality.missing")
	assert.Equal(t, float64(sourceUptime|sourceVmstat|sourcePressure|sourceConntrack|sourceFileNr|sourceInodeNr), missing)
	assert.Zero(t, run.emitter.readErrors, "nothing failed")
	assert.Equal(t, 6, run.logs.Len(), "one line for each source")

	assert.Equal(t, missing, value(t, run.mustScrape(), "nodesec.quality.missing"))
	assert.Equal(t, 6, run.logs.Len())
}

func TestNodeScrapeSurvivesBrokenFiles(t *testing.T) {
	tree := copyTree(t, filepath.Join(kernels, "linux-6.18"))
	require.NoError(t, os.WriteFile(filepath.Join(tree, "proc/meminfo"), []byte("MemTotal: many kB\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(tree, "proc/1/net/snmp6"), []byte("Udp6InErrors\n"), 0o600))
	run := newNodeRun(t, tree)

	metrics, err := run.scrape(hostCounts{})
	require.ErrorContains(t, err, "/proc/meminfo: unexpected format: line \"MemTotal: many kB\"")
	require.ErrorContains(t, err, "/proc/1/net/snmp6: unexpected format")
	assert.Equal(t, int64(2), run.emitter.readErrors)
	assert.Equal(t, float64(sourceMeminfo|sourceNetSNMP), value(t, metrics, "nodesec.quality.missing"))
	assert.False(t, has(metrics, "system.memory.limit"), "absent, not zero")
	assert.True(t, has(metrics, "system.cpu.load_average.1m"), "other files cost nothing")

	_, err = run.scrape(hostCounts{})
	require.NoError(t, err, "reported before")
	assert.Equal(t, int64(2), run.emitter.readErrors, "and counted again")

	run.become(filepath.Join(kernels, "linux-6.18"))
	metrics = run.mustScrape()
	assert.Zero(t, value(t, metrics, "nodesec.quality.missing"))
	assert.True(t, has(metrics, "system.memory.limit"))

	run.become(tree)
	_, err = run.scrape(hostCounts{})
	require.Error(t, err, "it is news again")
}

func TestNodeScrapeWithoutIPv6CountsIPv4(t *testing.T) {
	tree := copyTree(t, filepath.Join(kernels, "linux-6.18"))
	require.NoError(t, os.Remove(filepath.Join(tree, "proc/1/net/snmp6")))
	require.NoError(t, os.Remove(filepath.Join(tree, "proc/1/net/tcp6")))
	run := newNodeRun(t, tree, cumulative)
	metrics := run.mustScrape()
	assert.Zero(t, value(t, metrics, "nodesec.quality.missing"))
	assert.True(t, has(metrics, "nodesec.udp.datagrams"))
	assert.True(t, has(metrics, "system.network.connection.count"))
}

func TestNodeScrapeRecordsNoCountsThatNobodyMade(t *testing.T) {
	metrics := newNodeRun(t, filepath.Join(kernels, "linux-6.18")).mustScrape()
	assert.False(t, has(metrics, "system.process.count"))
	assert.False(t, has(metrics, "nodesec.threads.count"))
	assert.False(t, has(metrics, "nodesec.containers.count"))
}

// copyTree returns a copy of the tree, to be changed.
func copyTree(t testing.TB, tree string) string {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(tree)))
	return dir
}

func has(metrics pmetric.Metrics, name string) bool {
	_, ok := points(metrics, name)
	return ok
}

// value returns the sum over the points of a metric, which must exist.
func value(t testing.TB, metrics pmetric.Metrics, name string) (sum float64) {
	all, ok := points(metrics, name)
	require.True(t, ok, "no metric %s", name)
	for _, p := range all.All() {
		sum += float64(p.IntValue()) + p.DoubleValue()
	}
	return sum
}

func points(metrics pmetric.Metrics, name string) (pmetric.NumberDataPointSlice, bool) {
	for _, m := range metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		switch {
		case m.Name() != name:
		case m.Type() == pmetric.MetricTypeSum:
			return m.Sum().DataPoints(), true
		default:
			return m.Gauge().DataPoints(), true
		}
	}
	return pmetric.NumberDataPointSlice{}, false
}
