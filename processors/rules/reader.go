// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/internal/feature"
	"github.com/nodesec/nodesec/internal/zeros"
	"github.com/nodesec/nodesec/processors/rules/internal/engine"
)

// maxSeries is how many series are remembered. What is not remembered costs time, nothing else.
const maxSeries = 1 << 16

// unused is the slot of a series that no rule looks at.
const unused = -1

// reader gives an engine the features of samples. It remembers which series is which feature, so that making the name of
// a feature is done once.
type reader struct {
	engine *engine.Engine
	series map[string]int32
	// zeros are the slots of the features whose zeros may be left out, by number; nil until they are needed.
	zeros []int32
	key   []byte
	// identity and attributes are those of the sample at hand.
	identity   entity.Identity
	attributes pcommon.Map
	attribute  func(key string) string
	time       pcommon.Timestamp
}

func newReader(e *engine.Engine) *reader {
	r := &reader{engine: e, series: map[string]int32{}}
	r.attribute = func(key string) string {
		if value, ok := r.attributes.Get(key); ok {
			return value.AsString()
		}
		return ""
	}
	return r
}

// read begins a sample with the features of a resource. It reports false if they have no time.
func (r *reader) read(rm pmetric.ResourceMetrics) bool {
	r.attributes, r.time = rm.Resource().Attributes(), 0
	r.identity = entity.Of(r.attributes)
	sample := r.engine.Begin()
	sample.Identity, sample.Attribute = &r.identity, r.attribute
	for _, scope := range rm.ScopeMetrics().All() {
		metrics := scope.Metrics()
		for i := range metrics.Len() {
			r.readMetric(metrics.At(i))
		}
	}
	sample.Time = int64(r.time)
	return r.time > 0
}

func (r *reader) readMetric(metric pmetric.Metric) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		if metric.Name() == zeros.Metric {
			r.readZeros(metric.Gauge().DataPoints())
			return
		}
		r.readPoints(metric.Name(), metric.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		r.readPoints(metric.Name(), metric.Sum().DataPoints())
	}
}

func (r *reader) readPoints(metric string, points pmetric.NumberDataPointSlice) {
	for i := range points.Len() {
		point := points.At(i)
		at := point.Timestamp()
		if at < r.time || point.Flags().NoRecordedValue() {
			continue // of a tick before: a resource should be about one
		}
		r.time = at
		slot := r.slot(metric, point.Attributes())
		if slot == unused {
			continue
		}
		value := math.NaN()
		switch point.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			value = float64(point.IntValue())
		case pmetric.NumberDataPointValueTypeDouble:
			value = point.DoubleValue()
		}
		r.engine.Set(slot, value, window(point))
	}
}

// readZeros reads which zeros were left out.
func (r *reader) readZeros(points pmetric.NumberDataPointSlice) {
	if r.zeros == nil {
		r.zeros = r.slots(zeros.Features())
	}
	for i := range points.Len() {
		point := points.At(i)
		mask, ok := zeros.Read(point)
		if !ok || point.Timestamp() < r.time {
			continue
		}
		r.time = point.Timestamp()
		length := window(point)
		for number := range mask.All() {
			if number < len(r.zeros) && r.zeros[number] != unused {
				r.engine.Set(r.zeros[number], 0, length)
			}
		}
	}
}

func (r *reader) slots(features []zeros.Feature) (slots []int32) {
	for _, f := range features {
		attributes := pcommon.NewMap()
		if f.Attribute != "" {
			attributes.PutStr(f.Attribute, f.Value)
		}
		slots = append(slots, r.slot(f.Metric, attributes))
	}
	return slots
}

// window is the length of what a point is about in seconds, 0 if unknown.
func window(point pmetric.NumberDataPoint) float64 {
	if start, end := point.StartTimestamp(), point.Timestamp(); start > 0 && start < end {
		return float64(end-start) / 1e9
	}
	return 0
}

// slot returns the slot of a series.
func (r *reader) slot(metric string, attributes pcommon.Map) int32 {
	if attributes.Len() == 0 {
		if slot, known := r.series[metric]; known {
			return slot
		}
		return r.learn(metric, metric, attributes)
	}
	r.key = append(append(r.key[:0], metric...), 0)
	for key, value := range attributes.All() {
		r.key = append(append(r.key, key...), 0)
		if value.Type() == pcommon.ValueTypeStr {
			r.key = append(append(r.key, value.Str()...), 0)
		} else {
			r.key = append(append(r.key, value.AsString()...), 0)
		}
	}
	if slot, known := r.series[string(r.key)]; known {
		return slot
	}
	return r.learn(string(r.key), metric, attributes)
}

func (r *reader) learn(key, metric string, attributes pcommon.Map) int32 {
	slot, used := r.engine.Program().Feature(feature.Name(metric, attributes))
	if !used {
		slot = unused
	}
	if len(r.series) < maxSeries {
		r.series[string([]byte(key))] = slot // a copy: the name belongs to the sample
	}
	return slot
}

// forget is called when the engine has another program.
func (r *reader) forget() {
	clear(r.series)
	r.zeros = nil
}
