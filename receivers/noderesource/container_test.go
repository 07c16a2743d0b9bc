// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

const (
	// hosts are trees of cgroups of whole hosts.
	hosts = "../internal/cgroup/testdata"

	busyPod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2c48913c_b29f_11e7_9350_020968147796.slice"
	busy    = busyPod + "/cri-containerd-4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970.scope"
	docker  = "/docker/4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
)

// containerRun scrapes the containers of a copy of a host's tree at ticks one second apart, on a clock of its own.
type containerRun struct {
	t       *testing.T
	root    string
	scraper *containerScraper
	emitter emitter
	table   processTable
	now     time.Time
}

func newContainerRun(t *testing.T, host string, units bool, configure ...func(*Config)) *containerRun {
	cfg := createDefaultConfig().(*Config)
	cfg.NodeName = "node-1"
	for _, c := range configure {
		c(cfg)
	}
	run := &containerRun{t: t, root: copyTree(t, filepath.Join(hosts, host)),
		now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	boot := run.now.Add(-time.Hour)
	run.setTime(run.root, run.now.Add(-30*time.Minute))
	run.emitter = newEmitter(cfg, receivertest.NewNopSettings(metadata.Type), clock{
		wall: func() time.Time { return run.now.Add(2 * time.Millisecond) },
		boot: func() time.Duration { return run.now.Add(2 * time.Millisecond).Sub(boot) },
	})
	run.emitter.hostName = "host-1"
	run.table.walks, run.table.counts.knowsProcesses = 2, true // it knows what processes grew by
	hierarchy, err := cgroup.Detect(run.root)
	require.NoError(t, err)
	run.scraper = newContainerScraper(run.root, hierarchy, units)
	t.Cleanup(run.scraper.close)
	return run
}

// setTime makes the directories of that age: a cgroup was made when its directory was.
func (r *containerRun) setTime(dir string, made time.Time) {
	require.NoError(r.t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chtimes(path, made, made)
	}))
}

func (r *containerRun) scrape() pmetric.Metrics {
	r.now = r.now.Add(time.Second)
	r.emitter.begin(tick.Tick{Time: r.now, Interval: time.Second})
	containers, err := r.scraper.scrape(&r.emitter, &r.table)
	require.NoError(r.t, err)
	metrics := r.emitter.end()
	assert.Equal(r.t, metrics.ResourceMetrics().Len(), containers)
	return metrics
}

// write writes a file of a cgroup, given by mount and path, and keeps its inode, which may be open.
func (r *containerRun) write(text string, path ...string) {
	file := filepath.Join(append([]string{r.root, "sys/fs/cgroup"}, path...)...)
	require.NoError(r.t, os.WriteFile(file, []byte(text), 0o600))
}

func (r *containerRun) dir(path ...string) string {
	return filepath.Join(append([]string{r.root, "sys/fs/cgroup"}, path...)...)
}

// grow lets the busy container of version 2 do something.
func (r *containerRun) grow() {
	r.write("usage_usec 10250000\nuser_usec 6200000\nsystem_usec 4050000\nnr_periods 410\nnr_throttled 33\nthrottled_usec 1500000\n",
		busy, "cpu.stat")
	r.write("8:0 rbytes=200000 wbytes=400000 rios=100 wios=200 dbytes=0 dios=0\n", busy, "io.stat")
	r.write("low 0\nhigh 4\nmax 9\noom 1\noom_kill 1\n", busy, "memory.events")
	r.write("max 3\n", busy, "pids.events")
	r.write("some avg10=12.50 avg60=0.40 avg300=0.10 total=900000\nfull avg10=0.50 avg60=0.10 avg300=0.02 total=450000\n",
		busy, "cpu.pressure")
}

// sampleOf returns the sample of the cgroup, alone.
func sampleOf(t *testing.T, metrics pmetric.Metrics, path string) pmetric.Metrics {
	t.Helper()
	alone := pmetric.NewMetrics()
	for _, rm := range metrics.ResourceMetrics().All() {
		if value, _ := rm.Resource().Attributes().Get("nodesec.cgroup.path"); value.Str() == path {
			rm.CopyTo(alone.ResourceMetrics().AppendEmpty())
		}
	}
	require.Equal(t, 1, alone.ResourceMetrics().Len(), path)
	return alone
}

func TestContainerScrapeGolden(t *testing.T) {
	for _, tt := range []struct {
		name, host, golden string
		configure          []func(*Config)
	}{
		{"cgroup v2", "v2-containerd", "v2.yaml", nil},
		{"cgroup v2, cumulative", "v2-containerd", "v2-cumulative.yaml", []func(*Config){cumulative}},
		{"cgroup v1", "v1-docker", "v1.yaml", nil},
		{"a hybrid", "hybrid-podman", "hybrid.yaml", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := newContainerRun(t, tt.host, false, tt.configure...)
			run.scrape()
			if tt.host == "v2-containerd" {
				run.grow()
			} else {
				for _, dir := range []string{docker, "/machine.slice/libpod-66d6d4ac9851cfcab8400277ad96770ce52c1d75eeac29046753875056eacaed.scope"} {
					if _, err := os.Stat(run.dir("memory", dir)); err == nil {
						run.write("12500000000\n", "cpu,cpuacct", dir, "cpuacct.usage")
						run.write("nr_periods 410\nnr_throttled 40\nthrottled_time 1750000000\n", "cpu,cpuacct", dir, "cpu.stat")
						run.write("10\n", "memory", dir, "memory.failcnt")
					}
				}
			}
			requireGolden(t, filepath.Join("testdata", "container", tt.golden), run.scrape())
		})
	}
}

func TestContainerScrapeTellsWhatCountersGrewBy(t *testing.T) {
	run := newContainerRun(t, "v2-containerd", true)
	first := sampleOf(t, run.scrape(), busy)
	assert.False(t, has(first, "nodesec.cpu.usage"), "older than the receiver: its growth is unknown")
	assert.InDelta(t, 1, value(t, first, "nodesec.quality.first"), 0)
	assert.InDelta(t, 30*60+1, value(t, first, "container.uptime"), 0.01)
	assert.InDelta(t, 0.5, value(t, first, "nodesec.cpu.limit"), 0)
	assert.False(t, has(first, "nodesec.cpu.limit.utilization"))

	run.grow()
	second := sampleOf(t, run.scrape(), busy)
	for name, want := range map[string]float64{
		"nodesec.cpu.usage":             0.25,
		"container.cpu.time":            0.25,
		"nodesec.cpu.limit.utilization": 0.5, // 0.25 s of the 0.5 s that the limit allows in a second
		"nodesec.cpu.periods":           10,
		"nodesec.cpu.throttled.periods": 5,
		"nodesec.cpu.throttled.time":    0.1,
		"container.disk.io":             (200000 - 180224) + (400000 - 327680),
		"nodesec.disk.operations":       (100 - 44) + (200 - 80),
		"nodesec.memory.events":         0 + 0 + 1 + 1 + 1,
		"nodesec.pids.max_events":       2,
		"nodesec.pressure.stall_time":   0.5 + 0.25,
		"nodesec.quality.first":         0,
		"nodesec.quality.missing":       0,
		"nodesec.quality.skew_ms":       2,
		"container.memory.working_set":  41943040 + 16777216 + 838860 - 4194304,
		"container.memory.available":    67108864 - (41943040 + 16777216 + 838860 - 4194304),
	} {
		assert.InDelta(t, want, value(t, second, name), 1e-6, name)
	}
	usage, _ := points(second, "nodesec.cpu.usage")
	assert.Equal(t, pcommon.NewTimestampFromTime(run.now), usage.At(0).Timestamp())
	assert.Equal(t, pcommon.NewTimestampFromTime(run.now.Add(-time.Second)), usage.At(0).StartTimestamp())
}

func TestContainerBornBetweenTwoScrapesHasAllCounters(t *testing.T) {
	run := newContainerRun(t, "v2-containerd", true)
	run.scrape()
	born := busyPod + "/cri-containerd-" + strings.Repeat("0123456789abcdef", 4) + ".scope"
	require.NoError(t, os.CopyFS(run.dir(born), os.DirFS(run.dir(busy))))
	// The kernel's time of a directory may be a little older than the scrape that did not see it yet.
	run.setTime(run.dir(born), run.now.Add(-time.Millisecond))
	sample := sampleOf(t, run.scrape(), born)
	assert.InDelta(t, 10, value(t, sample, "nodesec.cpu.usage"), 1e-9)
	assert.InDelta(t, 1, value(t, sample, "nodesec.quality.first"), 0)
	assert.InDelta(t, 20, value(t, sample, "nodesec.cpu.limit.utilization"), 1e-9)
	assert.InDelta(t, 1, value(t, sample, "container.uptime"), 0.01)
	usage, _ := points(sample, "nodesec.cpu.usage")
	assert.Equal(t, pcommon.NewTimestampFromTime(run.now.Add(-time.Second)), usage.At(0).StartTimestamp(), "since its birth")
}

func TestContainerReplacedUnderTheSameNameIsAnother(t *testing.T) {
	run := newContainerRun(t, "v1-docker", true)
	run.scrape()
	for _, mount := range []string{"cpu,cpuacct", "memory", "pids", "blkio"} {
		path := run.dir(mount, docker)
		require.NoError(t, os.Rename(path, path+"-old"))
		require.NoError(t, os.CopyFS(path, os.DirFS(path+"-old")))
		require.NoError(t, os.RemoveAll(path+"-old"))
	}
	run.write("4000000000\n", "cpu,cpuacct", docker, "cpuacct.usage")
	sample := sampleOf(t, run.scrape(), docker)
	assert.InDelta(t, 1, value(t, sample, "nodesec.quality.first"), 0)
	assert.InDelta(t, 4, value(t, sample, "nodesec.cpu.usage"), 1e-9, "all of the new one's, not 4 s less than the old one's 10 s")
}

func TestContainerThatVanishesCostsOnlyItsSample(t *testing.T) {
	run := newContainerRun(t, "v1-docker", true)
	boot := run.emitter.clock.boot
	run.emitter.clock.boot = func() time.Duration { // is asked right after the containers were listed
		if len(run.scraper.tree.Containers()) > 0 {
			require.NoError(t, os.RemoveAll(run.dir("memory", "system.slice/sshd.service")))
		}
		return boot()
	}
	assert.Equal(t, 3, run.scrape().ResourceMetrics().Len())
	assert.Equal(t, int64(1), run.emitter.vanished)
	assert.Zero(t, run.emitter.readErrors)
	assert.Len(t, run.scraper.known, 3)
}

func TestContainersThatCanNotBeListedAreAnError(t *testing.T) {
	run := newContainerRun(t, "v1-docker", true)
	run.scrape()
	require.NoError(t, os.RemoveAll(run.dir("memory")))
	run.emitter.begin(tick.Tick{Time: run.now, Interval: time.Second})
	containers, err := run.scraper.scrape(&run.emitter, &run.table)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Zero(t, containers)
	assert.Zero(t, run.emitter.end().ResourceMetrics().Len())
}

func TestContainerResource(t *testing.T) {
	run := newContainerRun(t, "v2-containerd", true)
	metrics := run.scrape()
	assert.Equal(t, map[string]any{
		"host.name": "host-1", "k8s.node.name": "node-1", "nodesec.cgroup.path": busy, "container.runtime.name": "containerd",
		"container.id": "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970",
		"k8s.pod.uid":  "2c48913c-b29f-11e7-9350-020968147796", "nodesec.pod.qos_class": "Burstable",
	}, sampleOf(t, metrics, busy).ResourceMetrics().At(0).Resource().Attributes().AsRaw())
	assert.Equal(t, map[string]any{
		"host.name": "host-1", "k8s.node.name": "node-1", "nodesec.cgroup.path": "/system.slice/sshd.service",
		"container.name": "sshd.service",
	}, sampleOf(t, metrics, "/system.slice/sshd.service").ResourceMetrics().At(0).Resource().Attributes().AsRaw())
}

func TestContainerCountsItsProcesses(t *testing.T) {
	for name, configure := range map[string]func(*Config){"delta": func(*Config) {}, "cumulative": cumulative} {
		t.Run(name, func(t *testing.T) {
			run := newContainerRun(t, "v1-docker", true, configure)
			run.table.groups = map[string]*processGroup{
				docker: {processes: 2, threads: 5, fileDescriptors: 9, told: sourceProcessFD,
					growth: processSums{voluntary: 10, involuntary: 1, runQueueDelay: 2e9}},
				docker + "/docker": {processes: 1, threads: 1, fileDescriptors: 3, missing: sourceProcessFD,
					growth: processSums{voluntary: 4, runQueueDelay: 1e9}},
				docker + "/docker/9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d": {processes: 100},
			}
			want := map[string]float64{
				"nodesec.processes.count": 3, "nodesec.threads.count": 6, "nodesec.file_descriptors.open": 12,
				"nodesec.context_switches": 15, "nodesec.run_queue.delay": 3,
				"nodesec.quality.missing": float64(sourceProcessFD | sourceCgroupPressure),
			}
			for range 2 {
				sample := sampleOf(t, run.scrape(), docker)
				for metric, amount := range want {
					assert.InDelta(t, amount, value(t, sample, metric), 1e-9, metric)
				}
				if name == "cumulative" {
					want["nodesec.context_switches"], want["nodesec.run_queue.delay"] = 30, 6
				}
			}
		})
	}
}

func TestContainerWithoutCPUAccountingTellsTheTimeOfItsProcesses(t *testing.T) {
	run := newContainerRun(t, "v1-docker", true)
	for _, file := range []string{"cpuacct.usage", "cpuacct.stat"} {
		found := 0
		require.NoError(t, filepath.WalkDir(run.root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == file {
				found++
				return os.Remove(path)
			}
			return err
		}))
		require.NotZero(t, found, file)
	}
	run.table.groups = map[string]*processGroup{docker: {processes: 1, growth: processSums{user: 150, system: 50}}}
	sample := sampleOf(t, run.scrape(), docker)
	assert.InDelta(t, 2.0, value(t, sample, "nodesec.cpu.usage"), 1e-9)
	assert.InDelta(t, 2.0, value(t, sample, "container.cpu.time"), 1e-9, "user and system")
	assert.NotZero(t, int64(value(t, sample, "nodesec.quality.missing"))&int64(sourceCgroupCPU))
}

func TestContainerWhoseProcessesAreUnknownCountsNone(t *testing.T) {
	run := newContainerRun(t, "v1-docker", true)
	run.table.groups = map[string]*processGroup{docker: {processes: 2, threads: 5, pid: 7}}
	assert.True(t, has(sampleOf(t, run.scrape(), docker), "nodesec.processes.count"))

	run.table.counts.knowsProcesses = false // /proc could not be listed
	sample := sampleOf(t, run.scrape(), docker)
	for _, metric := range []string{"nodesec.processes.count", "nodesec.threads.count", "nodesec.file_descriptors.open",
		"nodesec.context_switches", "nodesec.run_queue.delay"} {
		assert.False(t, has(sample, metric), metric)
	}
	missing := source(value(t, sample, "nodesec.quality.missing"))
	assert.Equal(t, sourceProcessCgroup|sourceNamespaceNet|sourceCgroupPressure, missing)
	assert.True(t, has(sample, "nodesec.cpu.usage"), "what the cgroup tells is there")
}

func TestContainerNamesAreMadeValidText(t *testing.T) {
	run := newContainerRun(t, "v1-docker", true)
	path := "/system.slice/a\xff\n.service"
	require.NoError(t, os.Mkdir(run.dir("memory", path), 0o750))
	run.scrape()
	sample := sampleOf(t, run.scrape(), "/system.slice/a\uFFFD\n.service")
	name, _ := sample.ResourceMetrics().At(0).Resource().Attributes().Get("container.name")
	assert.Equal(t, "a\uFFFD\n.service", name.Str())
}
