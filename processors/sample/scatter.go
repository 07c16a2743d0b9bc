// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The numbers of points of the grid that are none: what is wrong with a timestamp.
const (
	past = -1 - iota
	future
	noTime
)

// grid says which points of the grid are near enough to the present.
type grid struct {
	interval uint64
	// low and high are the first and the last one.
	low, high int64
}

// within returns the point of the grid at or before the timestamp, or what is wrong with the timestamp.
func (g *grid) within(timestamp pcommon.Timestamp) int64 {
	switch n := int64(uint64(timestamp) / g.interval); {
	case timestamp == 0:
		return noTime
	case n < g.low:
		return past
	case n > g.high:
		return future
	default:
		return n
	}
}

// scatter moves the points of a resource to the grid, and sorts them by tick.
type scatter struct {
	grid
	// snapped counts the points that were moved.
	snapped int64
	targets []target
	last    int // the target of the latest point
}

// target is the place for all points of a tick, or of those that are out of range or have no time.
type target struct {
	number int64
	// skew is how long after the tick the latest point was measured, if any had to be moved.
	skew  time.Duration
	moved bool

	resource pmetric.ResourceMetrics
	// scope and metric are made when there is a point for them.
	scope     pmetric.ScopeMetrics
	metric    pmetric.Metric
	hasScope  bool
	hasMetric bool
}

func (s *scatter) target(number int64) *target {
	if s.last < len(s.targets) && s.targets[s.last].number == number {
		return &s.targets[s.last]
	}
	for i := range s.targets {
		if s.targets[i].number == number {
			s.last = i
			return &s.targets[i]
		}
	}
	s.last = len(s.targets)
	s.targets = append(s.targets, target{number: number, skew: math.MinInt64})
	return &s.targets[s.last]
}

// snap moves all timestamps of the resource that are in range to the grid and notes which ticks there are. parts are
// those of the resource.
func (s *scatter) snap(rm pmetric.ResourceMetrics, parts []part) {
	clear(s.targets)
	s.targets, s.last = s.targets[:0], 0
	for i, sm := range rm.ScopeMetrics().All() {
		for _, metric := range sm.Metrics().All() {
			s.snapMetric(metric, parts[i].source)
		}
	}
	if len(s.targets) > 1 {
		s.targets = slices.DeleteFunc(s.targets, func(t target) bool { return t.number == noTime })
		s.last = 0
	}
}

func (s *scatter) snapMetric(metric pmetric.Metric, of *source) {
	const delta = pmetric.AggregationTemporalityDelta
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		snap(s, metric.Gauge().DataPoints(), of, false)
	case pmetric.MetricTypeSum:
		snap(s, metric.Sum().DataPoints(), of, metric.Sum().AggregationTemporality() == delta)
	case pmetric.MetricTypeHistogram:
		snap(s, metric.Histogram().DataPoints(), of, metric.Histogram().AggregationTemporality() == delta)
	case pmetric.MetricTypeExponentialHistogram:
		h := metric.ExponentialHistogram()
		snap(s, h.DataPoints(), of, h.AggregationTemporality() == delta)
	case pmetric.MetricTypeSummary:
		snap(s, metric.Summary().DataPoints(), of, false)
	}
}

// snap moves points to the grid. The window of a delta moves with it, so that its length stays as it was measured; other
// start times are those of the series and stay, but never after the point.
func snap[P point[P], S points[P]](s *scatter, all S, of *source, delta bool) {
	for i := range all.Len() {
		p := all.At(i)
		was := p.Timestamp()
		number := s.within(was)
		if number < 0 {
			s.target(number)
			continue
		}
		number = min(of.round(uint64(was), s.interval), s.high)
		t := s.target(number)
		is := pcommon.Timestamp(uint64(number) * s.interval)
		if is == was {
			continue
		}
		skew := time.Duration(int64(was) - int64(is))
		t.skew, t.moved = max(t.skew, skew), true
		s.snapped++
		p.SetTimestamp(is)
		switch start := p.StartTimestamp(); {
		case start == 0:
		case delta && int64(start) > int64(skew):
			p.SetStartTimestamp(pcommon.Timestamp(int64(start) - int64(skew)))
		default:
			p.SetStartTimestamp(min(start, is))
		}
	}
}

// split moves the points of a resource that was snapped into one resource per tick. What has no time goes with the first.
func (s *scatter) split(rm pmetric.ResourceMetrics) {
	for i := range s.targets {
		s.targets[i].resource = pmetric.NewResourceMetrics()
		rm.Resource().CopyTo(s.targets[i].resource.Resource())
		s.targets[i].resource.SetSchemaUrl(rm.SchemaUrl())
	}
	for _, sm := range rm.ScopeMetrics().All() {
		for i := range s.targets {
			s.targets[i].hasScope = false
		}
		for _, metric := range sm.Metrics().All() {
			for i := range s.targets {
				s.targets[i].hasMetric = false
			}
			s.splitMetric(sm, metric)
		}
	}
}

func (s *scatter) splitMetric(sm pmetric.ScopeMetrics, metric pmetric.Metric) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		distribute(s, metric.Gauge().DataPoints(), func(t *target) pmetric.NumberDataPointSlice {
			return t.copyOf(sm, metric).Gauge().DataPoints()
		})
	case pmetric.MetricTypeSum:
		distribute(s, metric.Sum().DataPoints(), func(t *target) pmetric.NumberDataPointSlice {
			return t.copyOf(sm, metric).Sum().DataPoints()
		})
	case pmetric.MetricTypeHistogram:
		distribute(s, metric.Histogram().DataPoints(), func(t *target) pmetric.HistogramDataPointSlice {
			return t.copyOf(sm, metric).Histogram().DataPoints()
		})
	case pmetric.MetricTypeExponentialHistogram:
		all := metric.ExponentialHistogram().DataPoints()
		distribute(s, all, func(t *target) pmetric.ExponentialHistogramDataPointSlice {
			return t.copyOf(sm, metric).ExponentialHistogram().DataPoints()
		})
	case pmetric.MetricTypeSummary:
		distribute(s, metric.Summary().DataPoints(), func(t *target) pmetric.SummaryDataPointSlice {
			return t.copyOf(sm, metric).Summary().DataPoints()
		})
	default:
		s.targets[0].copyOf(sm, metric)
	}
}

func distribute[P point[P], S points[P]](s *scatter, all S, place func(*target) S) {
	for i := range all.Len() {
		p := all.At(i)
		p.MoveTo(place(s.of(p.Timestamp())).AppendEmpty())
	}
	if all.Len() == 0 {
		place(&s.targets[0])
	}
}

// of returns the target of a point that was snapped.
func (s *scatter) of(timestamp pcommon.Timestamp) *target {
	if number := s.within(timestamp); number != noTime {
		return s.target(number)
	}
	return &s.targets[0]
}

// copyOf returns the target's metric of that name and type, with room for points.
func (t *target) copyOf(sm pmetric.ScopeMetrics, metric pmetric.Metric) pmetric.Metric {
	if !t.hasScope {
		t.scope, t.hasScope = t.resource.ScopeMetrics().AppendEmpty(), true
		sm.Scope().CopyTo(t.scope.Scope())
		t.scope.SetSchemaUrl(sm.SchemaUrl())
	}
	if !t.hasMetric {
		t.metric, t.hasMetric = t.scope.Metrics().AppendEmpty(), true
		describe(t.metric, metric)
	}
	return t.metric
}

// describe makes an empty metric that of another one without its points.
func describe(to, from pmetric.Metric) {
	to.SetName(from.Name())
	to.SetDescription(from.Description())
	to.SetUnit(from.Unit())
	from.Metadata().CopyTo(to.Metadata())
	switch from.Type() {
	case pmetric.MetricTypeGauge:
		to.SetEmptyGauge()
	case pmetric.MetricTypeSum:
		to.SetEmptySum().SetAggregationTemporality(from.Sum().AggregationTemporality())
		to.Sum().SetIsMonotonic(from.Sum().IsMonotonic())
	case pmetric.MetricTypeHistogram:
		to.SetEmptyHistogram().SetAggregationTemporality(from.Histogram().AggregationTemporality())
	case pmetric.MetricTypeExponentialHistogram:
		h := to.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(from.ExponentialHistogram().AggregationTemporality())
	case pmetric.MetricTypeSummary:
		to.SetEmptySummary()
	}
}
