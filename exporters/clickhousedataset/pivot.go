// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/internal/zeros"
)

// The resource attributes that tag a sample. Each is a column of its own.
const (
	attributeRules      = "nodesec.rules"
	attributeSeverity   = "nodesec.severity"
	attributeTechniques = "nodesec.attack.techniques"
)

// maxSeconds is the end of ClickHouse's DateTime (February 2106), in which partitions and sort key are computed.
const maxSeconds = math.MaxUint32

// maxKey bounds the name and attributes of a data point, which become part of the table's definition, in bytes.
const maxKey = 64 << 10

// maxFaults is how many different faults of a push are told apart in its error. All are counted.
const maxFaults = 10

// pivot turns metrics into rows: all points of an entity at a time become one row, whichever resource they came with.
// It knows nothing of the database. One push uses it at a time; it is reused for what it has learnt.
//
// The result depends on the metrics alone, so that the same metrics always make the same blocks.
type pivot struct {
	blocks []*block // by scope

	points   int // in the blocks
	rejected int // can't be stored
	faults   []fault

	key []byte
	// What the points at hand belong to.
	block    *block
	resource int32
	id       uint64
	ts       int64
	row      int
}

// fault says why points of a metric were not stored.
type fault struct{ metric, reason string }

func newPivot() *pivot {
	p := &pivot{}
	for _, scope := range entity.Scopes() {
		p.blocks = append(p.blocks, newBlock(scope))
	}
	return p
}

// add puts the metrics into the blocks.
func (p *pivot) add(metrics pmetric.Metrics) {
	for _, rm := range metrics.ResourceMetrics().All() {
		p.enter(rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			for _, metric := range sm.Metrics().All() {
				p.addMetric(metric)
			}
		}
	}
	for _, b := range p.blocks {
		b.seal()
	}
}

// reset empties the blocks for the next push.
func (p *pivot) reset() {
	for _, b := range p.blocks {
		b.reset()
	}
	clear(p.faults)
	*p = pivot{blocks: p.blocks, faults: p.faults[:0], key: p.key[:0]}
}

// enter makes the following points belong to the entity that the attributes describe.
func (p *pivot) enter(attributes pcommon.Map) {
	id := entity.Of(attributes)
	p.block, p.id, p.ts = p.blocks[id.Scope], id.Hash, -1
	r, index := p.block.addResource()
	p.resource = index
	r.identity = id
	if id.Created != "" {
		if created, err := time.Parse(time.RFC3339Nano, id.Created); err == nil {
			r.created = created.UnixMilli()
		} else {
			r.attributes = append(r.attributes, extra{"process.creation.time", id.Created})
		}
	}
	for key, value := range attributes.All() {
		switch {
		case key == attributeRules:
			r.rules = appendStrings(r.rules, value)
		case key == attributeTechniques:
			r.techniques = appendStrings(r.techniques, value)
		case key == attributeSeverity:
			r.severity = value.AsString()
		case !id.Holds(key, value):
			r.attributes = append(r.attributes, extra{key, value.AsString()})
		}
	}
}

func (p *pivot) addMetric(metric pmetric.Metric) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		if metric.Name() == zeros.Metric {
			p.addZeros(metric)
			return
		}
		p.addNumbers(metric, metric.Gauge().DataPoints(), true)
	case pmetric.MetricTypeSum:
		delta := metric.Sum().AggregationTemporality() == pmetric.AggregationTemporalityDelta
		p.addNumbers(metric, metric.Sum().DataPoints(), delta)
	case pmetric.MetricTypeHistogram:
		p.addHistogram(metric)
	case pmetric.MetricTypeExponentialHistogram:
		p.addExponentialHistogram(metric)
	case pmetric.MetricTypeSummary:
		p.addSummary(metric)
	default:
		p.reject(metric, "it is no sum, gauge, histogram, exponential histogram or summary")
	}
}

// addNumbers adds the points of a sum or gauge. windowed tells that their start time begins the window they are about.
func (p *pivot) addNumbers(metric pmetric.Metric, points pmetric.NumberDataPointSlice, windowed bool) {
	for i := range points.Len() {
		point := points.At(i)
		var value float64
		switch point.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			value = float64(point.IntValue())
		case pmetric.NumberDataPointValueTypeDouble:
			value = point.DoubleValue()
		default:
			continue // like a point without a recorded value
		}
		if point.Flags().NoRecordedValue() {
			continue
		}
		s := p.series(metric, point.Attributes())
		if !p.at(metric, point.Timestamp()) {
			continue
		}
		if windowed {
			p.window(point.StartTimestamp(), point.Timestamp())
		}
		if s == nil {
			c := p.block.column(newFeature(metric, point.Attributes(), ""))
			c.feature.Integer = point.ValueType() == pmetric.NumberDataPointValueTypeInt
			s = p.learn(c)
		}
		p.set(s[0], value)
	}
}

// at makes ts the time of the following values of the series last asked for. It reports false, and the point is
// rejected, if such a point can't be stored.
func (p *pivot) at(metric pmetric.Metric, ts pcommon.Timestamp) bool {
	if ts == 0 {
		p.reject(metric, "a point has no timestamp")
		return false
	}
	if ts/1e9 > maxSeconds {
		p.reject(metric, "a timestamp is after the year 2105")
		return false
	}
	if len(p.key) > maxKey {
		p.reject(metric, "its name and the attributes of a point have more than 64 KiB")
		return false
	}
	p.points++
	if ms := int64(ts / 1e6); ms != p.ts {
		p.ts, p.row = ms, p.block.row(p.id, ms, p.resource)
	}
	return true
}

// window notes in the row how long the points ran. The longest counts, should they differ.
func (p *pivot) window(start, end pcommon.Timestamp) {
	if start == 0 || start >= end {
		return
	}
	ms := min((end-start+5e5)/1e6, math.MaxUint32)
	p.block.interval[p.row] = max(p.block.interval[p.row], uint32(ms))
}

func (p *pivot) set(c *column, value float64) { p.block.set(c, p.row, value) }

// series returns the columns of a data point, nil if the block has never seen one like it. The type of the metric is
// part of the question, so a histogram never gets the column of a gauge of the same name.
func (p *pivot) series(metric pmetric.Metric, attributes pcommon.Map) series {
	key := p.key[:0]
	key = append(key, byte(metric.Type()))
	key = appendText(key, metric.Name())
	for name, value := range attributes.All() {
		key = appendText(key, name)
		switch value.Type() {
		case pcommon.ValueTypeStr:
			key = appendText(append(key, 's'), value.Str())
		case pcommon.ValueTypeInt:
			key = binary.LittleEndian.AppendUint64(append(key, 'i'), uint64(value.Int()))
		default:
			key = appendText(append(key, byte(value.Type())), value.AsString()) // allocates, and is rare
		}
	}
	p.key = key
	return p.block.known[string(key)]
}

// learn remembers the columns for the data points like the one last asked for.
func (p *pivot) learn(columns ...*column) series {
	p.block.known[string(p.key)] = columns
	return columns
}

// appendText appends text after its length, so that no two lists of texts look the same.
func appendText(key []byte, text string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(text))), text...)
}

func (p *pivot) reject(metric pmetric.Metric, reason string) {
	p.rejected++
	f := fault{metric: metric.Name(), reason: reason}
	for _, known := range p.faults {
		if known == f {
			return
		}
	}
	if len(p.faults) < maxFaults {
		p.faults = append(p.faults, f)
	}
}

// err returns an error that names the metrics of which points were rejected, nil if none were.
func (p *pivot) err() error {
	if p.rejected == 0 {
		return nil
	}
	text := ""
	for _, f := range p.faults {
		text += fmt.Sprintf("; metric %q: %s", cut(f.metric, 200), f.reason)
	}
	return fmt.Errorf("%d points not stored (the other %d are)%s", p.rejected, p.points, text)
}
