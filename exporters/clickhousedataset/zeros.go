// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/zeros"
)

// addZeros adds the zeros that a receiver left out: as if they had come as data points.
func (p *pivot) addZeros(metric pmetric.Metric) {
	for _, point := range metric.Gauge().DataPoints().All() {
		mask, ok := zeros.Read(point)
		if !ok {
			p.reject(metric, "a data point is no mask of features")
			continue
		}
		p.key = p.key[:0]
		if !p.at(metric, point.Timestamp()) {
			continue
		}
		p.window(point.StartTimestamp(), point.Timestamp())
		for number := range mask.All() {
			c := p.block.zero(number)
			if c == nil {
				p.reject(metric, "it is about features that are newer than this exporter")
				continue
			}
			p.set(c, 0)
		}
	}
}

// zero returns the column of a feature by its number, nil if there is none of that number.
func (b *block) zero(number int) *column {
	if b.zeros == nil {
		for _, f := range zeros.Features() {
			b.zeros = append(b.zeros, b.column(featureOf(f)))
		}
	}
	if number >= len(b.zeros) {
		return nil
	}
	return b.zeros[number]
}

// featureOf describes a feature as newFeature would if it had come as a data point.
func featureOf(f zeros.Feature) Feature {
	described := Feature{
		Metric: f.Metric, Unit: f.Unit, Type: typeName(pmetric.MetricTypeGauge), Integer: !f.Double,
		Description: cut(f.Description, maxDescription),
	}
	if f.Sum {
		described.Type, described.Temporality = typeName(pmetric.MetricTypeSum), "delta"
	}
	if f.Attribute != "" {
		described.Attributes = map[string]string{f.Attribute: f.Value}
	}
	return described
}
