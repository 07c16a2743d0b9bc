// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/internal/feature"
)

// harness is a running processor with what it handed on.
type harness struct {
	t      *testing.T
	p      *sampleProcessor
	reader *componenttest.Telemetry
	offset atomic.Int64 // of the wall clock

	mu     sync.Mutex
	handed []pmetric.Metrics
	fail   error
}

// run runs the test in a bubble whose clock starts at start. What is held at its end is shut down.
func run(t *testing.T, change func(*Config), test func(*harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, change)
		test(h)
		require.NoError(t, h.p.Shutdown(t.Context()))
		require.NoError(t, h.reader.Shutdown(context.Background()))
	})
}

// newHarness starts a processor with an interval of a second.
func newHarness(t *testing.T, change func(*Config)) *harness {
	cfg := createDefaultConfig().(*Config)
	cfg.Interval = time.Second
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	require.NoError(t, cfg.Sources.Validate())
	h := &harness{t: t, reader: componenttest.NewTelemetry()}
	settings := processortest.NewNopSettings(typ)
	settings.TelemetrySettings = h.reader.NewTelemetrySettings()
	next, err := consumer.NewMetrics(h.consume)
	require.NoError(t, err)
	h.p, err = newProcessor(cfg, settings, next, func() time.Time { return time.Now().Add(time.Duration(h.offset.Load())) })
	require.NoError(t, err)
	require.NoError(t, h.p.Start(t.Context(), componenttest.NewNopHost()))
	return h
}

func (h *harness) consume(_ context.Context, md pmetric.Metrics) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return h.fail
	}
	md.MarkReadOnly() // the processor must not touch it any more
	h.handed = append(h.handed, md)
	return nil
}

func (h *harness) send(md pmetric.Metrics) {
	h.t.Helper()
	require.NoError(h.t, h.p.ConsumeMetrics(h.t.Context(), md))
}

// sleep lets the timer do its work.
func (h *harness) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// take returns what was handed on since it was called last.
func (h *harness) take() []pmetric.Metrics {
	h.mu.Lock()
	defer h.mu.Unlock()
	handed := h.handed
	h.handed = nil
	return handed
}

// takeOne returns the only sample that was handed on.
func (h *harness) takeOne() pmetric.ResourceMetrics {
	h.t.Helper()
	handed := h.take()
	require.Len(h.t, handed, 1)
	require.Equal(h.t, 1, handed[0].ResourceMetrics().Len())
	return handed[0].ResourceMetrics().At(0)
}

// expect compares what was handed on with lines such as "container c1 @1: noderesource nodesecurity, partial 0".
func (h *harness) expect(want ...string) {
	h.t.Helper()
	got := []string{}
	for _, md := range h.take() {
		for _, rm := range md.ResourceMetrics().All() {
			got = append(got, line(rm))
		}
	}
	assert.Equal(h.t, append([]string{}, want...), got)
}

// value is that of a self-metric, summed over its attributes; with an attribute, of that alone.
func (h *harness) value(name string, attribute ...string) (sum int64) {
	m, err := h.reader.GetMetric("otelcol_" + name)
	if err != nil {
		return 0
	}
	var points []metricdata.DataPoint[int64]
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	for _, p := range points {
		if len(attribute) == 0 || strings.Contains(fmt.Sprint(p.Attributes.ToSlice()), attribute[0]) {
			sum += p.Value
		}
	}
	return sum
}

func line(rm pmetric.ResourceMetrics) string {
	id := entity.Of(rm.Resource().Attributes())
	var sources []string
	partial := ""
	for _, sm := range rm.ScopeMetrics().All() {
		name := sm.Scope().Name()
		name = name[strings.LastIndexByte(name, '/')+1:]
		if name == "sample" {
			for _, m := range sm.Metrics().All() {
				if m.Name() == namePartial {
					partial = fmt.Sprintf(", partial %d", m.Gauge().DataPoints().At(0).IntValue())
				}
			}
			continue
		}
		sources = append(sources, name)
	}
	name := cmp.Or(id.Container, id.ContainerID, id.Pod, id.Cgroup, id.Node)
	if id.Scope == entity.Process {
		name = fmt.Sprint(id.PID)
	}
	ticks := strings.Trim(fmt.Sprint(ticksOf(rm)), "[]")
	return fmt.Sprintf("%s %s @%s: %s%s", id.Scope, name, ticks, strings.Join(sources, " "), partial)
}

// ticksOf returns the different timestamps of the points, in seconds since start.
func ticksOf(rm pmetric.ResourceMetrics) (ticks []float64) {
	for _, p := range pointsOf(rm) {
		if tick := p.Timestamp.AsTime().Sub(start).Seconds(); !slices.Contains(ticks, tick) {
			ticks = append(ticks, tick)
		}
	}
	slices.Sort(ticks)
	return ticks
}

// plain is a data point of any type.
type plain struct {
	Key              string
	Timestamp, Start pcommon.Timestamp
	Value            float64
}

func pointsOf(rm pmetric.ResourceMetrics) (list []plain) {
	for _, sm := range rm.ScopeMetrics().All() {
		for _, m := range sm.Metrics().All() {
			list = append(list, pointsOfMetric(m)...)
		}
	}
	return list
}

func pointsOfMetric(m pmetric.Metric) (list []plain) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return collect(m.Name(), m.Gauge().DataPoints(), number)
	case pmetric.MetricTypeSum:
		return collect(m.Name(), m.Sum().DataPoints(), number)
	case pmetric.MetricTypeHistogram:
		return collect(m.Name(), m.Histogram().DataPoints(), pmetric.HistogramDataPoint.Sum)
	case pmetric.MetricTypeExponentialHistogram:
		return collect(m.Name(), m.ExponentialHistogram().DataPoints(), pmetric.ExponentialHistogramDataPoint.Sum)
	case pmetric.MetricTypeSummary:
		return collect(m.Name(), m.Summary().DataPoints(), pmetric.SummaryDataPoint.Sum)
	}
	return nil
}

func collect[P point[P], S points[P]](name string, all S, value func(P) float64) (list []plain) {
	for i := range all.Len() {
		p := all.At(i)
		list = append(list, plain{feature.Key(name, p.Attributes()), p.Timestamp(), p.StartTimestamp(), value(p)})
	}
	return list
}

// values returns the values of the points by metric and attributes.
func values(rm pmetric.ResourceMetrics) map[string]float64 {
	all := map[string]float64{}
	for _, p := range pointsOf(rm) {
		all[p.Key] = p.Value
	}
	return all
}

func metrics(write func(md pmetric.Metrics)) pmetric.Metrics {
	md := pmetric.NewMetrics()
	write(md)
	return md
}

// one is a batch of one source with one gauge per entity.
func one(scope string, ts pcommon.Timestamp, entities ...string) pmetric.Metrics {
	return metrics(func(md pmetric.Metrics) {
		for _, name := range entities {
			kind, id, _ := strings.Cut(name, " ")
			b := build{}
			switch kind {
			case "node":
				b = resource(md, scope, ts, "host.name", id)
			case "pod":
				b = resource(md, scope, ts, "k8s.pod.uid", id, "k8s.pod.name", id)
			case "container":
				b = resource(md, scope, ts, "host.name", "n", "container.id", id)
			case "process":
				b = resource(md, scope, ts, "host.name", "n", "process.pid", len(id))
			}
			b.gauge("of."+scope[strings.LastIndexByte(scope, '/')+1:], 1)
		}
	})
}
