// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// part is what a look at the metrics of one source in a resource tells.
type part struct {
	source  *source
	quality quality
	// shared says that other sources have metrics of a name that is in it, apart from those of quality that become one.
	shared bool
}

// look looks at a resource: it notes the parts, and returns the timestamp of the points. several is true if they do not
// all have the same one.
func (a *assembler) look(rm pmetric.ResourceMetrics) (timestamp pcommon.Timestamp, several bool) {
	clear(a.parts)
	a.parts = a.parts[:0]
	var t times
	scopes := rm.ScopeMetrics()
	for i := range scopes.Len() {
		sm := scopes.At(i)
		a.parts = append(a.parts, part{source: a.sources.find(sm.Scope().Name())})
		p := &a.parts[i]
		w := walk{names: &a.names, source: p.source, before: -1}
		metrics := sm.Metrics()
		for j := range metrics.Len() {
			metric := metrics.At(j)
			kind, shared := w.next(metric.Name())
			if kind == noQuality || !p.quality.note(kind, metric) {
				p.shared = p.shared || shared
			}
			t.metric(metric)
		}
	}
	return t.first, t.several
}

// times are the timestamps of points.
type times struct {
	any     bool
	first   pcommon.Timestamp
	several bool // not all are the first
}

func (t *times) metric(metric pmetric.Metric) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		t.numbers(metric.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		t.numbers(metric.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		see(t, metric.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		see(t, metric.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		see(t, metric.Summary().DataPoints())
	}
}

// numbers is see for the most frequent type: generic code costs a call per point.
func (t *times) numbers(points pmetric.NumberDataPointSlice) {
	for i := range points.Len() {
		if timestamp := points.At(i).Timestamp(); timestamp != t.first || !t.any {
			t.other(timestamp)
		}
	}
}

func (t *times) other(timestamp pcommon.Timestamp) {
	t.several = t.several || t.any && timestamp != t.first
	if !t.any {
		t.any, t.first = true, timestamp
	}
}

// A point is one of a metric of any type.
type point[P any] interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
	SetTimestamp(pcommon.Timestamp)
	StartTimestamp() pcommon.Timestamp
	SetStartTimestamp(pcommon.Timestamp)
	MoveTo(P)
}

// points are those of a metric of any type.
type points[P any] interface {
	Len() int
	At(int) P
	AppendEmpty() P
	RemoveIf(func(P) bool)
}

func see[P point[P], S points[P]](t *times, s S) {
	for i := range s.Len() {
		t.other(s.At(i).Timestamp())
	}
}
