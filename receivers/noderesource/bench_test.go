// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// BenchmarkProcessScrape is a tick of the process scope beside 1,000 idle and 50 busy processes of this host.
func BenchmarkProcessScrape(b *testing.B) {
	startChildren(b, 1000, "sleep", "1000")
	startChildren(b, 50, "sh", "-c", "while :; do read line < /proc/self/comm; sleep 0.05; done")
	cfg := createDefaultConfig().(*Config)
	cfg.Scopes = []string{scopeProcess}
	s, err := newScraper(cfg, receivertest.NewNopSettings(metadata.Type), hostClock())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.close()) })
	now := time.Now()
	samples, processes, used := 0, 0, time.Duration(0)
	scrape := func() pmetric.Metrics {
		now = now.Add(time.Second)
		return s.scrape(context.Background(), tick.Tick{Time: now, Interval: time.Second})
	}
	for range 2 {
		scrape()
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		time.Sleep(100 * time.Millisecond)
		b.StartTimer()
		before := ownCPUTime(b)
		samples += scrape().ResourceMetrics().Len()
		processes += len(s.table.list)
		used += ownCPUTime(b) - before
	}
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(samples)/float64(b.N), "samples/op")
	b.ReportMetric(float64(processes)/float64(b.N), "processes/op")
}

// BenchmarkWalk is the walk over 1,000 idle processes alone, with a file kept open of each and with none.
func BenchmarkWalk(b *testing.B) {
	startChildren(b, 1000, "sleep", "1000")
	for _, bb := range []struct {
		name  string
		gates int
	}{{"gates", maxGates}, {"no gates", 0}} {
		b.Run(bb.name, func(b *testing.B) {
			table, e := newTestTable(b, "/")
			table.gates = bb.gates
			for range 2 {
				require.NoError(b, table.refresh(e))
			}
			before := ownCPUTime(b)
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, table.refresh(e))
			}
			b.ReportMetric(float64((ownCPUTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

func newTestTable(tb testing.TB, root string) (*processTable, *emitter) {
	table, err := newProcessTable(root, nil)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, table.close()) })
	cfg := createDefaultConfig().(*Config)
	e := newEmitter(cfg, receivertest.NewNopSettings(metadata.Type), hostClock())
	return table, &e
}

func ownCPUTime(tb testing.TB) time.Duration {
	var usage unix.Rusage
	require.NoError(tb, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func startChildren(tb testing.TB, count int, name string, arguments ...string) {
	for range count {
		child := exec.Command(name, arguments...)
		require.NoError(tb, child.Start())
		tb.Cleanup(func() {
			_ = child.Process.Kill()
			_ = child.Wait()
		})
	}
}
