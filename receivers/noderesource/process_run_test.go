// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// The processes in testdata/process: a shell that works, a program with threads in a container, its parent with a
// zombie, a kernel thread, and in the later tree a newborn.
const (
	shell        = 5876
	threads      = 5877
	parent       = 5878
	zombie       = 6017
	kernelThread = 2
	newborn      = 7001
)

// processRun scrapes a copy of testdata/process/first at ticks three seconds apart, on a clock of its own.
type processRun struct {
	t       *testing.T
	root    string
	scraper *scraper
	boot    time.Duration
	tick    time.Time
	late    time.Duration
}

func newProcessRun(t *testing.T, configure ...func(*Config)) *processRun {
	run := &processRun{
		t: t, root: copyTree(t, "testdata/process/first"), boot: 3345 * time.Second, late: 2 * time.Millisecond,
		tick: time.Unix(1795425735, 0).UTC(),
	}
	run.become("testdata/process/first") // for its links
	cfg := createDefaultConfig().(*Config)
	cfg.RootPath, cfg.Scopes, cfg.Processes.All = run.root, []string{scopeProcess}, true
	for _, c := range configure {
		c(cfg)
	}
	var err error
	run.scraper, err = newScraper(cfg, receivertest.NewNopSettings(metadata.Type), clock{
		wall: func() time.Time { return run.tick.Add(run.late) },
		boot: func() time.Duration { return run.boot + run.late },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, run.scraper.close()) })
	return run
}

// scrape takes the samples of a tick. The next one is three seconds later.
func (r *processRun) scrape() pmetric.Metrics {
	metrics := r.scraper.scrape(r.t.Context(), tick.Tick{Time: r.tick, Interval: 3 * time.Second})
	r.pass(3 * time.Second)
	return metrics
}

func (r *processRun) pass(d time.Duration) { r.tick, r.boot = r.tick.Add(d), r.boot+d }

// become replaces the processes by those of another tree. Files are rewritten in place, as they are open. The trees hold
// the target of the link exe as a file, as not every archive and file system keeps links.
func (r *processRun) become(tree string) {
	require.NoError(r.t, fs.WalkDir(os.DirFS(tree), "proc", func(path string, entry fs.DirEntry, err error) error {
		target := filepath.Join(r.root, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(filepath.Join(tree, path))
		if err != nil {
			return err
		}
		if entry.Name() == "exe" {
			_ = os.Remove(target)
			return os.Symlink(string(data), target)
		}
		return os.WriteFile(target, data, 0o644)
	}))
}

func (r *processRun) file(pid int, name string) string {
	return filepath.Join(r.root, "proc", strconv.Itoa(pid), name)
}

// edit replaces text in a file of a process, which must be there.
func (r *processRun) edit(pid int, name, old, replacement string) {
	data, err := os.ReadFile(r.file(pid, name))
	require.NoError(r.t, err)
	require.Contains(r.t, string(data), old)
	edited := strings.Replace(string(data), old, replacement, 1)
	require.NoError(r.t, os.WriteFile(r.file(pid, name), []byte(edited), 0o644))
}

// wake lets a process have run since the gate was read.
func (r *processRun) wake(pid int) {
	require.NoError(r.t, os.WriteFile(r.file(pid, "schedstat"), []byte("999999999999 1488737652 99\n"), 0o644))
}

func (r *processRun) remove(pid int, name string) {
	require.NoError(r.t, os.RemoveAll(r.file(pid, name)))
}

// processSample returns the sample of a process alone, empty if there is none.
func processSample(metrics pmetric.Metrics, pid int) pmetric.Metrics {
	alone := pmetric.NewMetrics()
	for _, resource := range metrics.ResourceMetrics().All() {
		if value, ok := resource.Resource().Attributes().Get("process.pid"); ok && value.Int() == int64(pid) {
			resource.CopyTo(alone.ResourceMetrics().AppendEmpty())
		}
	}
	return alone
}

func pids(metrics pmetric.Metrics) (pids []int) {
	for _, resource := range metrics.ResourceMetrics().All() {
		value, _ := resource.Resource().Attributes().Get("process.pid")
		pids = append(pids, int(value.Int()))
	}
	return pids
}

func attribute(metrics pmetric.Metrics, key string) any {
	return metrics.ResourceMetrics().At(0).Resource().Attributes().AsRaw()[key]
}

func window(t *testing.T, metrics pmetric.Metrics, name string) time.Duration {
	all, ok := points(metrics, name)
	require.True(t, ok, name)
	return all.At(0).Timestamp().AsTime().Sub(all.At(0).StartTimestamp().AsTime())
}
