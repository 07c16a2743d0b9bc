// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A histogram or summary becomes numbers (count, sum, min, max) and two arrays of the same row.

func histogramParts() []Part {
	return []Part{PartCount, PartSum, PartMin, PartMax, PartBounds, PartCounts}
}

func summaryParts() []Part { return []Part{PartCount, PartSum, PartQuantiles, PartValues} }

// parts returns the columns of a data point that has several.
func (p *pivot) parts(metric pmetric.Metric, attributes pcommon.Map, parts []Part) series {
	if s := p.series(metric, attributes); s != nil {
		return s
	}
	columns := make([]*column, 0, len(parts))
	for _, part := range parts {
		columns = append(columns, p.block.column(newFeature(metric, attributes, part)))
	}
	return p.learn(columns...)
}

func (p *pivot) addHistogram(metric pmetric.Metric) {
	delta := metric.Histogram().AggregationTemporality() == pmetric.AggregationTemporalityDelta
	for _, point := range metric.Histogram().DataPoints().All() {
		if point.Flags().NoRecordedValue() {
			continue
		}
		s := p.parts(metric, point.Attributes(), histogramParts())
		if !p.at(metric, point.Timestamp()) {
			continue
		}
		if delta {
			p.window(point.StartTimestamp(), point.Timestamp())
		}
		p.set(s[0], float64(point.Count()))
		if point.HasSum() {
			p.set(s[1], point.Sum())
		}
		if point.HasMin() {
			p.set(s[2], point.Min())
		}
		if point.HasMax() {
			p.set(s[3], point.Max())
		}
		if point.BucketCounts().Len() > 0 {
			p.block.setFloats(s[4], p.row, point.ExplicitBounds().AsRaw())
			p.block.setCounts(s[5], p.row, point.BucketCounts().AsRaw())
		}
	}
}

func (p *pivot) addExponentialHistogram(metric pmetric.Metric) {
	delta := metric.ExponentialHistogram().AggregationTemporality() == pmetric.AggregationTemporalityDelta
	for _, point := range metric.ExponentialHistogram().DataPoints().All() {
		if point.Flags().NoRecordedValue() {
			continue
		}
		s := p.parts(metric, point.Attributes(), histogramParts())
		if !p.at(metric, point.Timestamp()) {
			continue
		}
		if delta {
			p.window(point.StartTimestamp(), point.Timestamp())
		}
		p.set(s[0], float64(point.Count()))
		if point.HasSum() {
			p.set(s[1], point.Sum())
		}
		if point.HasMin() {
			p.set(s[2], point.Min())
		}
		if point.HasMax() {
			p.set(s[3], point.Max())
		}
		bounds, counts := explicitBuckets(point)
		p.block.setFloats(s[4], p.row, bounds)
		p.block.setCounts(s[5], p.row, counts)
	}
}

func (p *pivot) addSummary(metric pmetric.Metric) {
	for _, point := range metric.Summary().DataPoints().All() {
		if point.Flags().NoRecordedValue() {
			continue
		}
		s := p.parts(metric, point.Attributes(), summaryParts())
		if !p.at(metric, point.Timestamp()) {
			continue
		}
		p.set(s[0], float64(point.Count()))
		p.set(s[1], point.Sum())
		n := point.QuantileValues().Len()
		quantiles, values := make([]float64, n), make([]float64, n)
		for i, quantile := range point.QuantileValues().All() {
			quantiles[i], values[i] = quantile.Quantile(), quantile.Value()
		}
		p.block.setFloats(s[2], p.row, quantiles)
		p.block.setFloats(s[3], p.row, values)
	}
}

// explicitBuckets returns the buckets of an exponential histogram the way an explicit one has them: counts[i] are the
// values in (bounds[i-1], bounds[i]]. Bucket i of the positive range is (base^(offset+i), base^(offset+i+1)] with
// base = 2^(2^-scale), the negative range mirrors it, and the zero bucket takes all between the two.
// https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
func explicitBuckets(point pmetric.ExponentialHistogramDataPoint) (bounds []float64, counts []uint64) {
	power := func(offset int32, i int) float64 {
		return math.Exp2(math.Ldexp(float64(offset)+float64(i), -int(point.Scale())))
	}
	add := func(bound float64, count uint64) {
		bounds, counts = append(bounds, bound), append(counts, count)
	}
	negative, positive := point.Negative().BucketCounts(), point.Positive().BucketCounts()
	if n := negative.Len(); n > 0 {
		add(-power(point.Negative().Offset(), n), 0)
		for i := n - 1; i >= 0; i-- {
			add(-power(point.Negative().Offset(), i), negative.At(i))
		}
	}
	if positive.Len() == 0 {
		add(point.ZeroThreshold(), point.ZeroCount())
	} else {
		add(power(point.Positive().Offset(), 0), point.ZeroCount())
	}
	for i := range positive.Len() {
		add(power(point.Positive().Offset(), i+1), positive.At(i))
	}
	return bounds, append(counts, 0)
}
