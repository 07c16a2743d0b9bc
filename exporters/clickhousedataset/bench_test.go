// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// fleet makes ticks of containers: integer counters that are mostly small or zero, and random walks.
type fleet struct {
	random     *rand.Rand
	containers int
	features   int
	walks      []float64
}

func newFleet(containers, features int) *fleet {
	return &fleet{
		random: rand.New(rand.NewPCG(1, 2)), containers: containers, features: features,
		walks: make([]float64, containers*features),
	}
}

// tick returns a sample of every container. A third of the features walk, the others count.
func (f *fleet) tick(at time.Time) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	for container := range f.containers {
		rm := metrics.ResourceMetrics().AppendEmpty()
		f.describe(rm.Resource().Attributes(), container)
		list := rm.ScopeMetrics().AppendEmpty().Metrics()
		for i := range f.features {
			m := list.AppendEmpty()
			m.SetName(fmt.Sprintf("container.some.%d.feature", i/2))
			var point pmetric.NumberDataPoint
			if i%3 == 0 {
				point = m.SetEmptyGauge().DataPoints().AppendEmpty()
				walk := &f.walks[container*f.features+i]
				*walk += float64(f.random.IntN(21) - 10)
				point.SetIntValue(1<<20 + int64(*walk)*4096)
			} else {
				sum := m.SetEmptySum()
				sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
				point = sum.DataPoints().AppendEmpty()
				point.SetIntValue(max(0, f.random.Int64N(20)-15))
			}
			point.Attributes().PutStr("direction", []string{"read", "write"}[i%2])
			point.SetTimestamp(pcommon.NewTimestampFromTime(at))
			point.SetStartTimestamp(pcommon.NewTimestampFromTime(at.Add(-10 * time.Second)))
		}
	}
	return metrics
}

func (f *fleet) describe(attributes pcommon.Map, container int) {
	attributes.PutStr("k8s.cluster.name", "production")
	attributes.PutStr("k8s.node.name", fmt.Sprintf("node-%d", container/40))
	attributes.PutStr("k8s.namespace.name", fmt.Sprintf("team-%d", container%17))
	attributes.PutStr("k8s.deployment.name", fmt.Sprintf("service-%d", container%97))
	attributes.PutStr("k8s.pod.name", fmt.Sprintf("service-%d-7f9c%d", container%97, container))
	attributes.PutStr("k8s.pod.uid", fmt.Sprintf("8d1a0c5e-0000-4000-8000-%012d", container))
	attributes.PutStr("k8s.container.name", fmt.Sprintf("service-%d", container%97))
	attributes.PutStr("container.id", fmt.Sprintf("%064d", container))
	attributes.PutStr("container.image.name", fmt.Sprintf("registry.example/service-%d", container%97))
	attributes.PutStr("container.image.tag", "1.2.3")
	attributes.PutStr("nodesec.pod.qos_class", "Burstable")
	attributes.PutStr("container.runtime.name", "containerd")
}

// reportPerPoint reports the figures that matter whatever the size of a push.
func reportPerPoint(b *testing.B, points int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*points), "ns/point")
	b.ReportMetric(float64(points), "points/op")
}

func BenchmarkPivot(b *testing.B) {
	metrics := newFleet(2000, 60).tick(time.Unix(1_800_000_000, 0))
	p := newPivot()
	p.add(metrics) // what comes after is the steady state
	p.reset()
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		p.add(metrics)
		p.reset()
	}
	reportPerPoint(b, metrics.DataPointCount())
}

func BenchmarkToken(b *testing.B) {
	metrics := newFleet(2000, 60).tick(time.Unix(1_800_000_000, 0))
	p := newPivot()
	p.add(metrics)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		for _, block := range p.blocks {
			if block.len() > 0 {
				token(block)
			}
		}
	}
	reportPerPoint(b, metrics.DataPointCount())
}

func TestPivotAllocatesLessThanOncePerHundredPoints(t *testing.T) {
	metrics := newFleet(100, 60).tick(time.Unix(1_800_000_000, 0))
	p := newPivot()
	allocations := testing.AllocsPerRun(10, func() {
		p.add(metrics)
		p.reset()
	})
	require.Less(t, allocations, float64(metrics.DataPointCount())/100)
}

// BenchmarkPush stores a tick of 2,000 containers with 60 features in a real server: pivot, token, insert, answer.
func BenchmarkPush(b *testing.B) {
	server := startServer(b)
	for _, compression := range []string{compressionNone, compressionLZ4, compressionZSTD} {
		b.Run(compression, func(b *testing.B) {
			d := newDatabase(b, server)
			cfg := d.config()
			cfg.Compression = compression
			e := start(b, cfg)
			f := newFleet(2000, 60)
			at := time.Unix(1_800_000_000, 0)
			ticks := make([]pmetric.Metrics, 8)
			for i := range ticks {
				ticks[i] = f.tick(at)
			}
			require.NoError(b, e.consume(b.Context(), ticks[0])) // makes the table
			b.ReportAllocs()
			b.ResetTimer()
			var cpu time.Duration
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				at = at.Add(10 * time.Second)
				metrics := ticks[i%len(ticks)]
				move(metrics, at)
				before := cpuTime(b)
				b.StartTimer()
				require.NoError(b, e.consume(b.Context(), metrics))
				cpu += cpuTime(b) - before
			}
			points := ticks[0].DataPointCount()
			b.ReportMetric(cpu.Seconds()/float64(b.N*points)*1e6, "cpu-s/Mpoint")
			reportPerPoint(b, points)
		})
	}
}

// move gives all points another time.
func move(metrics pmetric.Metrics, at time.Time) {
	for _, rm := range metrics.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			for _, point := range numberPoints(m).All() {
				point.SetTimestamp(pcommon.NewTimestampFromTime(at))
				point.SetStartTimestamp(pcommon.NewTimestampFromTime(at.Add(-10 * time.Second)))
			}
		}
	}
}

func numberPoints(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeSum {
		return m.Sum().DataPoints()
	}
	return m.Gauge().DataPoints()
}

// cpuTime returns the CPU time of this process so far.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
