// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestRoundIsTheNearestPointAndSticksToIt(t *testing.T) {
	const second = uint64(time.Second)
	for _, tt := range []struct {
		name   string
		phases []float64
		want   []int64
	}{
		{"near a point", []float64{0, 0.1, 0.24, 0.76, 0.9}, []int64{0, 0, 0, 1, 1}},
		{"around the middle, first below", []float64{0.499, 0.501, 0.55, 0.499}, []int64{0, 0, 0, 0}},
		{"around the middle, first above", []float64{0.501, 0.499, 0.45, 0.501}, []int64{1, 1, 1, 1}},
		{"far from below the middle", []float64{0.499, 0.8}, []int64{0, 1}},
		{"far from above the middle", []float64{0.501, 0.2}, []int64{1, 0}},
		{"over and back again", []float64{0.49, 0.76, 0.74, 0.6}, []int64{0, 1, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := source{middle: second / 2}
			var got []int64
			for _, phase := range tt.phases {
				got = append(got, s.round(100*second+uint64(phase*float64(second)), second)-100)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// allTypes writes a metric of each type, of the temporality, with a window that began at begin.
func allTypes(md pmetric.Metrics, temporality pmetric.AggregationTemporality, begin, ts pcommon.Timestamp) {
	b := resource(md, scopeResource, ts, "host.name", "n", "process.pid", 1).gauge("gauge", 1)
	b.sm.Metrics().At(0).Gauge().DataPoints().At(0).SetStartTimestamp(begin)
	next := func(name string) pmetric.Metric {
		m := b.sm.Metrics().AppendEmpty()
		m.SetName(name)
		return m
	}
	sum := next("sum").SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(temporality)
	p := sum.DataPoints().AppendEmpty()
	p.SetIntValue(2)
	p.SetTimestamp(ts)
	p.SetStartTimestamp(begin)
	histogram := next("histogram").SetEmptyHistogram()
	histogram.SetAggregationTemporality(temporality)
	hp := histogram.DataPoints().AppendEmpty()
	hp.SetSum(3)
	hp.SetTimestamp(ts)
	hp.SetStartTimestamp(begin)
	exponential := next("exponential").SetEmptyExponentialHistogram()
	exponential.SetAggregationTemporality(temporality)
	ep := exponential.DataPoints().AppendEmpty()
	ep.SetSum(4)
	ep.SetTimestamp(ts)
	ep.SetStartTimestamp(begin)
	sp := next("summary").SetEmptySummary().DataPoints().AppendEmpty()
	sp.SetSum(5)
	sp.SetTimestamp(ts)
	sp.SetStartTimestamp(begin)
	next("nothing")
}

func TestForeignTimestampsAreSnapped(t *testing.T) {
	const delta, cumulative = pmetric.AggregationTemporalityDelta, pmetric.AggregationTemporalityCumulative
	for _, tt := range []struct {
		name               string
		temporality        pmetric.AggregationTemporality
		begin, ts          float64
		sum, others, wants float64
	}{
		{"the window of a delta moves along", delta, 8.2, 10.25, 7.95, 8.2, 10},
		{"the window of a delta moves forward", delta, 8.75, 10.75, 9, 8.75, 11},
		{"the start of a running sum stays", cumulative, 8.2, 10.25, 8.2, 8.2, 10},
		{"a start is never after the point", cumulative, 10.125, 10.25, 10, 10, 10},
		{"no start stays none", delta, 0, 10.25, 0, 0, 10},
		{"what is on the grid stays", delta, 8.2, 10, 8.2, 8.2, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				time.Sleep(10 * time.Second)
				begin := at(tt.begin)
				if tt.begin == 0 {
					begin = 0
				}
				h.send(metrics(func(md pmetric.Metrics) { allTypes(md, tt.temporality, begin, at(tt.ts)) }))
				points := map[string]plain{}
				rm := h.takeOne()
				for _, p := range pointsOf(rm) {
					points[p.Key] = p
					assert.Equal(t, at(tt.wants), p.Timestamp, p.Key)
				}
				seconds := func(p plain) float64 {
					if p.Start == 0 {
						return 0
					}
					return p.Start.AsTime().Sub(start).Seconds()
				}
				for _, name := range []string{"sum", "histogram", "exponential"} {
					assert.InDelta(t, tt.sum, seconds(points[name]), 1e-9, name)
				}
				for _, name := range []string{"gauge", "summary"} {
					assert.InDelta(t, tt.others, seconds(points[name]), 1e-9, name)
				}
				assert.Equal(t, 6, rm.ScopeMetrics().At(0).Metrics().Len(), "even the metric without a type")
				if tt.ts == tt.wants {
					assert.NotContains(t, points, "nodesec.quality.skew_ms")
					assert.Zero(t, h.value("sample_snapped_points"))
				} else {
					assert.InDelta(t, (tt.ts-tt.wants)*1000, points["nodesec.quality.skew_ms"].Value, 1e-9)
					assert.Equal(t, int64(5), h.value("sample_snapped_points"))
				}
			})
		})
	}
}

func TestAResourceWithSeveralTicksIsSplit(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(100 * time.Second)
		md := pmetric.NewMetrics()
		for _, ts := range []pcommon.Timestamp{at(100), at(99), at(99.75), 0, at(1), at(1000)} {
			allTypes(md, pmetric.AggregationTemporalityDelta, 0, ts)
		}
		all := md.ResourceMetrics().At(0)
		for i := 1; i < 6; i++ { // one resource with metrics that have points of all times
			for m, metric := range md.ResourceMetrics().At(i).ScopeMetrics().At(0).Metrics().All() {
				to := all.ScopeMetrics().At(0).Metrics().At(m)
				switch metric.Type() {
				case pmetric.MetricTypeGauge:
					metric.Gauge().DataPoints().MoveAndAppendTo(to.Gauge().DataPoints())
				case pmetric.MetricTypeSum:
					metric.Sum().DataPoints().MoveAndAppendTo(to.Sum().DataPoints())
				case pmetric.MetricTypeHistogram:
					metric.Histogram().DataPoints().MoveAndAppendTo(to.Histogram().DataPoints())
				case pmetric.MetricTypeExponentialHistogram:
					metric.ExponentialHistogram().DataPoints().MoveAndAppendTo(to.ExponentialHistogram().DataPoints())
				case pmetric.MetricTypeSummary:
					metric.Summary().DataPoints().MoveAndAppendTo(to.Summary().DataPoints())
				}
			}
		}
		all.ScopeMetrics().At(0).SetSchemaUrl("schema")
		md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool { return rm.ScopeMetrics().At(0).SchemaUrl() == "" })
		h.send(md)
		handed := h.take()[0].ResourceMetrics()
		var lines []string
		points := 0
		for _, rm := range handed.All() {
			points += len(pointsOf(rm))
			lines = append(lines, line(rm))
			assert.Equal(t, "schema", rm.ScopeMetrics().At(0).SchemaUrl())
			sum := rm.ScopeMetrics().At(0).Metrics().At(1)
			assert.Equal(t, pmetric.AggregationTemporalityDelta, sum.Sum().AggregationTemporality())
			assert.True(t, sum.Sum().IsMonotonic())
		}
		epoch := pcommon.Timestamp(0).AsTime().Sub(start).Seconds()
		assert.Equal(t, []string{
			"process 1 @1: noderesource",    // out of range
			"process 1 @1000: noderesource", // too
			"process 1 @99: noderesource, partial 0",
			fmt.Sprintf("process 1 @%v 100: noderesource, partial 0", epoch), // what has no time went with the first
		}, lines)
		// The points of 99.75 go to 100, too: one part with two of a time, which is as it was sent.
		assert.Equal(t, 6*5+2+1, points, "two are called partial or not, one has a skew")
	})
}
