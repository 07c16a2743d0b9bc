// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// processHost scrapes the processes of this host.
type processHost struct {
	t       *testing.T
	scraper *scraper
}

func newProcessHost(t *testing.T) *processHost {
	cfg := createDefaultConfig().(*Config)
	cfg.Scopes = []string{scopeProcess}
	s, err := newScraper(cfg, receivertest.NewNopSettings(metadata.Type), hostClock())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	return &processHost{t: t, scraper: s}
}

func (r *processHost) scrape() pmetric.Metrics {
	return r.scraper.scrape(r.t.Context(), tick.Tick{Time: time.Now(), Interval: 100 * time.Millisecond})
}

func sumOf(metrics pmetric.Metrics, name string) (sum float64) {
	if metrics.ResourceMetrics().Len() == 0 {
		return 0
	}
	all, ok := points(metrics, name)
	if !ok {
		return 0
	}
	for _, p := range all.All() {
		sum += float64(p.IntValue()) + p.DoubleValue()
	}
	return sum
}

// The kernel tells getrusage(2) of a child from other fields than /proc, when the child is waited for.
func TestSamplesOfAProcessAddUpToItsResourceUsage(t *testing.T) {
	run := newProcessHost(t)
	run.scrape()
	child := exec.Command("sh", "-c", "while :; do read line < /proc/self/status; done")
	require.NoError(t, child.Start())
	var cpu, faults, voluntary, involuntary float64
	take := func() {
		sample := processSample(run.scrape(), child.Process.Pid)
		cpu += sumOf(sample, "process.cpu.time")
		faults += sumOf(sample, "process.paging.faults")
		switches, ok := pmetric.NumberDataPointSlice{}, false
		if sample.ResourceMetrics().Len() > 0 {
			switches, ok = points(sample, "process.context_switches")
		}
		if ok {
			for _, p := range switches.All() {
				if kind, _ := p.Attributes().Get("process.context_switch.type"); kind.Str() == "voluntary" {
					voluntary += float64(p.IntValue())
				} else {
					involuntary += float64(p.IntValue())
				}
			}
		}
	}
	for range 10 {
		time.Sleep(50 * time.Millisecond)
		take()
	}
	require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
	stateIs(t, child.Process.Pid, "(sh) T ")
	take()
	take() // nothing left
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	usage := child.ProcessState.SysUsage().(*syscall.Rusage)
	assert.Positive(t, cpu)
	assert.InDelta(t, (child.ProcessState.UserTime() + child.ProcessState.SystemTime()).Seconds(), cpu, 0.03)
	assert.InDelta(t, float64(usage.Minflt+usage.Majflt), faults, 5)
	assert.InDelta(t, float64(usage.Nvcsw), voluntary, 5)
	assert.InDelta(t, float64(usage.Nivcsw), involuntary, 5)
}

// stateIs waits until the stat of a process holds this name and state.
func stateIs(t *testing.T, pid int, state string) {
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		return err == nil && strings.Contains(string(stat), state)
	}, time.Minute, time.Millisecond, state)
}

func TestASampleTellsWhatThisProcessDid(t *testing.T) {
	run := newProcessHost(t)
	run.scrape()
	run.scrape()
	const bytes = 1 << 20
	file, err := os.Create(t.TempDir() + "/data")
	require.NoError(t, err)
	_, err = file.Write(make([]byte, bytes))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	for start := ownCPUTime(t); ownCPUTime(t)-start < 30*time.Millisecond; { // so that it counts as active
	}
	after := processSample(run.scrape(), os.Getpid())
	assert.GreaterOrEqual(t, sumOf(after, "nodesec.io.bytes"), float64(bytes))
	assert.Less(t, sumOf(after, "nodesec.io.bytes"), 2.0*bytes)
	executable, err := os.Executable()
	require.NoError(t, err)
	assert.Equal(t, executable, attribute(after, "process.executable.path"))
	assert.Equal(t, int64(os.Getppid()), attribute(after, "process.parent_pid"))
	assert.Equal(t, int64(os.Geteuid()), attribute(after, "process.user.id"))
}

func TestASampleCountsOpenDescriptors(t *testing.T) {
	child := exec.Command("sleep", "100")
	for range 40 {
		file, err := os.Open(os.DevNull)
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		child.ExtraFiles = append(child.ExtraFiles, file)
	}
	run := newProcessHost(t)
	run.scrape()
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	stateIs(t, child.Process.Pid, "(sleep) S ") // until it sleeps it opens libraries and closes them again
	inherited, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(child.Process.Pid), "fd"))
	require.NoError(t, err)
	count := value(t, processSample(run.scrape(), child.Process.Pid), "process.unix.file_descriptor.count")
	assert.Equal(t, float64(len(inherited)), count)
	assert.GreaterOrEqual(t, count, 43.0)
}

func TestShortLivedProcessesLeaveNoHalfSamples(t *testing.T) {
	run := newProcessHost(t)
	run.scrape()
	deadline := time.Now().Add(time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for time.Now().Before(deadline) {
			_ = exec.Command("true").Run()
		}
	}()
	for time.Now().Before(deadline) {
		for _, resource := range run.scrape().ResourceMetrics().All() {
			sample := pmetric.NewMetrics()
			resource.CopyTo(sample.ResourceMetrics().AppendEmpty())
			for _, name := range []string{"process.memory.usage", "process.thread.count", "nodesec.quality.skew_ms"} {
				assert.True(t, has(sample, name), name)
			}
		}
	}
	<-done
	assert.LessOrEqual(t, len(run.scraper.table.known), len(run.scraper.table.list))
}
