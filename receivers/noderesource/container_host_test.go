// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// hostCgroups makes cgroups of the running system.
type hostCgroups struct {
	tb     testing.TB
	mounts []string // of the controllers, each once
	*cgroup.Hierarchy
}

func newHostCgroups(tb testing.TB) *hostCgroups {
	tb.Helper()
	h, err := cgroup.Detect("/")
	if err != nil {
		tb.Skip("needs cgroups: ", err)
	}
	c := &hostCgroups{tb: tb, Hierarchy: h}
	for _, m := range []cgroup.Mount{h.CPU, h.CPUAcct, h.Memory, h.IO, h.PIDs, h.Unified, h.Main} {
		if m.Present() && !slices.Contains(c.mounts, m.Dir) {
			c.mounts = append(c.mounts, m.Dir)
		}
	}
	return c
}

func (c *hostCgroups) mkdir(path string) {
	c.tb.Helper()
	for _, mount := range c.mounts {
		dir := filepath.Join(mount, path)
		if err := os.Mkdir(dir, 0o755); err != nil {
			c.tb.Skip("needs the right to make cgroups: ", err)
		}
		c.tb.Cleanup(func() { c.remove(dir) })
	}
}

// remove removes a directory; that of a process that was just killed is busy for a moment.
func (c *hostCgroups) remove(dir string) {
	for range 200 {
		if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.tb.Error("cgroup stays: ", dir)
}

// start runs a shell script in the cgroup until the test is over, in a network namespace of its own.
func (c *hostCgroups) start(path, script string) (pid int) {
	c.tb.Helper()
	var join strings.Builder
	for _, mount := range c.mounts {
		fmt.Fprintf(&join, "echo $$ > %s/cgroup.procs\n", filepath.Join(mount, path))
	}
	cmd := exec.Command("sh", "-ec", join.String()+script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Setpgid: true}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		c.tb.Skip("needs the right to make network namespaces: ", err)
	}
	c.tb.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// number reads a file of one number.
func (c *hostCgroups) number(path ...string) float64 {
	data, err := os.ReadFile(filepath.Join(path...))
	require.NoError(c.tb, err)
	n, err := strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
	require.NoError(c.tb, err)
	return n
}

// hostScraper scrapes the containers of the running system, in ticks that are one second apart whatever the time is.
type hostScraper struct {
	*scraper
	now time.Time
}

func newHostScraper(tb testing.TB) *hostScraper {
	cfg := createDefaultConfig().(*Config)
	cfg.Scopes = []string{scopeContainer}
	s, err := newScraper(cfg, receivertest.NewNopSettings(metadata.Type), hostClock())
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.close()) })
	return &hostScraper{s, time.Now()}
}

func (s *hostScraper) scrape() pmetric.Metrics {
	s.now = s.now.Add(time.Second)
	return s.scraper.scrape(context.Background(), tick.Tick{Time: s.now, Interval: time.Second})
}

func TestContainerOfTheRunningSystem(t *testing.T) {
	host := newHostCgroups(t)
	if host.CPUAcct.V2 || !host.CPUAcct.Present() || !host.Memory.Present() {
		t.Skip("needs version 1 of the controllers cpuacct and memory")
	}
	scraper := newHostScraper(t)
	scraper.scrape()

	path := fmt.Sprintf("/docker-%064x.scope", os.Getpid())
	host.mkdir(path)
	signal := filepath.Join(t.TempDir(), "go")
	host.start(path, `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done
x=$(head -c 20000000 /dev/zero | tr '\0' x)
while ! [ -e `+signal+` ]; do sleep 0.05; done
i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done
touch `+signal+`.done
sleep 600`)
	usage := func() float64 { return host.number(host.CPUAcct.Dir, path, "cpuacct.usage") / 1e9 }
	require.Eventually(t, func() bool { return host.number(host.Memory.Dir, path, "memory.usage_in_bytes") > 2e7 },
		time.Minute, 20*time.Millisecond)

	low := usage()
	sample := sampleOf(t, scraper.scrape(), path)
	high := usage()
	first := value(t, sample, "nodesec.cpu.usage")
	assert.GreaterOrEqual(t, first, low, "born after the previous scrape: all that it used")
	assert.LessOrEqual(t, first, high)
	assert.Greater(t, first, 0.05)
	assert.Greater(t, value(t, sample, "container.memory.rss"), 1.8e7)
	assert.Less(t, value(t, sample, "container.uptime"), 60.0)
	assert.GreaterOrEqual(t, value(t, sample, "nodesec.processes.count"), 1.0)
	assert.Zero(t, value(t, sample, "nodesec.sockets.count"), "in a network namespace without sockets")
	assert.Zero(t, value(t, sample, "system.network.connection.count"))
	const expected = sourceCgroupPressure | sourceCgroupIO // as the kernel has it
	assert.Zero(t, source(value(t, sample, "nodesec.quality.missing"))&^expected)

	require.NoError(t, os.WriteFile(signal, nil, 0o600))
	require.Eventually(t, func() bool { _, err := os.Stat(signal + ".done"); return err == nil }, time.Minute, 20*time.Millisecond)
	low = usage()
	sample = sampleOf(t, scraper.scrape(), path)
	high = usage()
	total := first + value(t, sample, "nodesec.cpu.usage")
	assert.GreaterOrEqual(t, total, low-1e-6, "the parts add up")
	assert.LessOrEqual(t, total, high+1e-6, "the parts add up")
	assert.True(t, has(sample, "container.network.io"))
}

// BenchmarkContainerScrape is a tick of the container scope beside idle containers of this host.
func BenchmarkContainerScrape(b *testing.B) {
	for _, containers := range []int{110, 5000} {
		b.Run(fmt.Sprintf("containers=%d", containers), func(b *testing.B) {
			host := newHostCgroups(b)
			parent := fmt.Sprintf("/nodesec-bench-%d", os.Getpid())
			host.mkdir(parent)
			for i := range containers {
				host.mkdir(fmt.Sprintf("%s/docker-%064x.scope", parent, i))
			}
			s := newHostScraper(b)
			sampled, table := 0, &processTable{counts: hostCounts{knowsProcesses: true}}
			scrape := func() {
				s.now = s.now.Add(time.Second)
				s.emitter.begin(tick.Tick{Time: s.now, Interval: time.Second})
				var err error
				sampled, err = s.containers.scrape(&s.emitter, table) // the walk is measured elsewhere
				require.NoError(b, err)
				s.emitter.end()
			}
			scrape()
			b.ReportAllocs()
			before := ownCPUTime(b)
			for b.Loop() {
				scrape()
			}
			b.ReportMetric(float64((ownCPUTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			require.GreaterOrEqual(b, sampled, containers)
		})
	}
}
