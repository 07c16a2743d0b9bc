// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
)

// ours is what two receivers measure at a tick of 110 containers and 200 processes.
func ours(second float64) []pmetric.Metrics {
	return []pmetric.Metrics{noderesource(at(second), 110, 200), nodesecurity(at(second), 110)}
}

// containers leaves out the processes: only resources of 60 and 170 points that are merged.
func containers(second float64) []pmetric.Metrics {
	return []pmetric.Metrics{noderesource(at(second), 110, 0), nodesecurity(at(second), 110)}
}

func oneSource(second float64) []pmetric.Metrics { return ours(second)[:1] }

func offTheGrid(second float64) []pmetric.Metrics { return ours(second + 0.3) }

// BenchmarkSample assembles ticks. ns/part is the mean time per resource that comes in, median-ns/part that of the median
// tick and fastest-ns/part that of the fastest hundredth, which tell more on a busy machine.
func BenchmarkSample(b *testing.B) {
	for _, bb := range []struct {
		name string
		tick func(second float64) []pmetric.Metrics
	}{{"ours", ours}, {"one source", oneSource}, {"containers", containers}, {"off the grid", offTheGrid}} {
		b.Run(bb.name, func(b *testing.B) {
			cfg := createDefaultConfig().(*Config)
			cfg.Interval = time.Second
			second := 0.0
			now := func() time.Time { return at(second).AsTime() }
			p, err := newProcessor(cfg, processortest.NewNopSettings(typ), consumertest.NewNop(), now)
			require.NoError(b, err)
			perPart(b, func() []pmetric.Metrics { second++; return bb.tick(second) }, func(md pmetric.Metrics) {
				require.NoError(b, p.ConsumeMetrics(b.Context(), md))
			})
		})
	}
}

// BenchmarkFloor only looks at the timestamps of all points: what no processor that knows ticks can do without.
func BenchmarkFloor(b *testing.B) {
	second := 0.0
	perPart(b, func() []pmetric.Metrics { second++; return containers(second) }, func(md pmetric.Metrics) {
		var t times
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, metric := range sm.Metrics().All() {
					t.metric(metric)
				}
			}
		}
		require.False(b, t.several)
	})
}

func perPart(b *testing.B, tick func() []pmetric.Metrics, consume func(pmetric.Metrics)) {
	total := 0
	var times []float64
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		batches, parts := tick(), 0
		for _, md := range batches {
			parts += md.ResourceMetrics().Len()
		}
		total += parts
		b.StartTimer()
		begun := time.Now()
		for _, md := range batches {
			consume(md)
		}
		times = append(times, float64(time.Since(begun).Nanoseconds())/float64(parts))
	}
	slices.Sort(times)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/part")
	b.ReportMetric(times[len(times)/2], "median-ns/part")
	b.ReportMetric(times[len(times)/100], "fastest-ns/part")
}
