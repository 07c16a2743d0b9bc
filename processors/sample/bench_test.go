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

// BenchmarkSample assembles ticks of 110 containers and 200 processes, as two receivers measure them. ns/part is the
// mean time per resource that comes in, median-ns/part that of the median tick, which tells more on a busy machine.
func BenchmarkSample(b *testing.B) {
	for _, bb := range []struct {
		name string
		tick func(second int) []pmetric.Metrics
	}{
		{"ours", func(second int) []pmetric.Metrics {
			return []pmetric.Metrics{noderesource(at(float64(second)), 110, 200), nodesecurity(at(float64(second)), 110)}
		}},
		{"one source", func(second int) []pmetric.Metrics {
			return []pmetric.Metrics{noderesource(at(float64(second)), 110, 200)}
		}},
		{"two sources of containers only", func(second int) []pmetric.Metrics {
			return []pmetric.Metrics{noderesource(at(float64(second)), 110, 0), nodesecurity(at(float64(second)), 110)}
		}},
		{"off the grid", func(second int) []pmetric.Metrics {
			return []pmetric.Metrics{
				noderesource(at(float64(second)+0.3), 110, 200), nodesecurity(at(float64(second)+0.3), 110),
			}
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			cfg := createDefaultConfig().(*Config)
			cfg.Interval = time.Second
			second := 0
			now := func() time.Time { return start.Add(time.Duration(second) * time.Second) }
			p, err := newProcessor(cfg, processortest.NewNopSettings(typ), consumertest.NewNop(), now)
			require.NoError(b, err)
			total := 0
			var times []float64
			b.ReportAllocs()
			for b.Loop() {
				second++
				b.StopTimer()
				batches := bb.tick(second)
				parts := 0
				for _, md := range batches {
					parts += md.ResourceMetrics().Len()
				}
				total += parts
				b.StartTimer()
				begun := time.Now()
				for _, md := range batches {
					require.NoError(b, p.ConsumeMetrics(b.Context(), md))
				}
				times = append(times, float64(time.Since(begun).Nanoseconds())/float64(parts))
			}
			slices.Sort(times)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/part")
			b.ReportMetric(times[len(times)/2], "median-ns/part")
		})
	}
}
