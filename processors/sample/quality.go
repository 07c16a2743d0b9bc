// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The kinds of quality that become one for a sample, out of those of its parts.
const (
	qualityMissing = iota // a mask
	qualitySkew
	qualityFirst
	qualityMissedTicks
	qualityLost // a count
	qualities

	noQuality = -1
)

const (
	qualityPrefix = "nodesec.quality."
	namePartial   = qualityPrefix + "partial"
	nameSkew      = qualityPrefix + "skew_ms"
)

// quality are the points of the kinds that a part or a sample has.
type quality struct {
	has    uint8
	points [qualities]pmetric.NumberDataPoint
}

func kindOf(metric string) int8 {
	suffix, ok := strings.CutPrefix(metric, qualityPrefix)
	if !ok {
		return noQuality
	}
	switch suffix {
	case "missing":
		return qualityMissing
	case "skew_ms":
		return qualitySkew
	case "first":
		return qualityFirst
	case "missed_ticks":
		return qualityMissedTicks
	case "lost":
		return qualityLost
	}
	return noQuality
}

// note notes the point of a metric of the kind. It reports whether it looks as it should and is the first.
func (q *quality) note(kind int8, metric pmetric.Metric) bool {
	var points pmetric.NumberDataPointSlice
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		points = metric.Gauge().DataPoints()
	case pmetric.MetricTypeSum:
		points = metric.Sum().DataPoints()
	default:
		return false
	}
	if q.has&(1<<kind) != 0 || points.Len() != 1 || points.At(0).Attributes().Len() != 0 {
		return false
	}
	switch point := points.At(0); point.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
	case pmetric.NumberDataPointValueTypeDouble:
		if kind == qualityMissing {
			return false
		}
	default:
		return false
	}
	q.points[kind] = points.At(0)
	q.has |= 1 << kind
	return true
}

// merge makes q that of q and other, and returns the kinds that both have: those of other are to be removed.
func (q *quality) merge(other *quality) (both uint8) {
	for kind := range q.points {
		bit := uint8(1) << kind
		switch {
		case other.has&bit == 0:
		case q.has&bit == 0:
			q.points[kind] = other.points[kind]
			q.has |= bit
		default:
			combine(kind, q.points[kind], other.points[kind])
			both |= bit
		}
	}
	return both
}

func combine(kind int, to, from pmetric.NumberDataPoint) {
	ints := to.ValueType() == pmetric.NumberDataPointValueTypeInt && from.ValueType() == to.ValueType()
	switch {
	case kind == qualityMissing:
		to.SetIntValue(to.IntValue() | from.IntValue())
	case kind == qualityLost && ints:
		to.SetIntValue(to.IntValue() + from.IntValue())
	case kind == qualityLost:
		to.SetDoubleValue(number(to) + number(from))
	case number(from) <= number(to):
	case ints:
		to.SetIntValue(from.IntValue())
	default:
		to.SetDoubleValue(number(from))
	}
}

func number(p pmetric.NumberDataPoint) float64 {
	if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return float64(p.IntValue())
	}
	return p.DoubleValue()
}
