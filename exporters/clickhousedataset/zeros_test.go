// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/zeros"
)

// samples makes samples of containers of which each has some of the features, most of them zero: once with all data
// points, once with masks for some of the zeros.
func samples(random *rand.Rand) (whole, left pmetric.Metrics) {
	whole, left = pmetric.NewMetrics(), pmetric.NewMetrics()
	features := zeros.Features()
	for tick := range 1 + random.IntN(3) {
		for container := range 1 + random.IntN(4) {
			s := sample{id: strconv.Itoa(container), at: at(1_800_000_000 + int64(tick))}
			all, some := s.in(whole), s.in(left)
			masks := zeros.NewSet(len(features))
			for number, f := range features {
				if random.IntN(10) == 0 {
					continue // not measured
				}
				value := int64(max(0, random.IntN(20)-15))
				s.point(all, f, value)
				if value == 0 && random.IntN(10) > 0 {
					masks.Add(number)
				} else {
					s.point(some, f, value)
				}
			}
			s.masks(some, masks)
		}
	}
	return whole, left
}

type sample struct {
	id string
	at pcommon.Timestamp
}

func (s sample) in(metrics pmetric.Metrics) pmetric.MetricSlice {
	rm := metrics.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("container.id", s.id)
	return rm.ScopeMetrics().AppendEmpty().Metrics()
}

func (s sample) time(p pmetric.NumberDataPoint) {
	p.SetTimestamp(s.at)
	p.SetStartTimestamp(s.at - 9e8)
}

func (s sample) point(to pmetric.MetricSlice, f zeros.Feature, value int64) {
	m := to.AppendEmpty()
	m.SetName(f.Metric)
	m.SetUnit(f.Unit)
	m.SetDescription(f.Description)
	var p pmetric.NumberDataPoint
	if f.Sum {
		m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		p = m.Sum().DataPoints().AppendEmpty()
	} else {
		p = m.SetEmptyGauge().DataPoints().AppendEmpty()
	}
	s.time(p)
	if f.Attribute != "" {
		p.Attributes().PutStr(f.Attribute, f.Value)
	}
	if f.Double {
		p.SetDoubleValue(float64(value))
	} else {
		p.SetIntValue(value)
	}
}

func (s sample) masks(to pmetric.MetricSlice, masks zeros.Set) {
	m := to.AppendEmpty()
	m.SetName(zeros.Metric)
	m.SetEmptyGauge()
	for i, mask := range masks {
		p := m.Gauge().DataPoints().AppendEmpty()
		s.time(p)
		p.Attributes().PutInt(zeros.Attribute, int64(i))
		p.SetIntValue(int64(mask))
	}
}

func TestZerosLeftOutMakeTheSameRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	used := newPivot() // has learnt from all before
	for range 200 {
		whole, left := samples(random)
		want := newPivot()
		want.add(whole)
		for _, p := range []*pivot{newPivot(), used} {
			p.add(left)
			require.Equal(t, dump(want), dump(p))
			for scope, b := range p.blocks {
				if b.len() > 0 {
					require.Equal(t, token(want.blocks[scope]), token(b))
				}
				for i, c := range b.used {
					require.Equal(t, want.blocks[scope].used[i].feature, c.feature)
				}
			}
		}
		used.reset()
	}
}

func TestMasksThatAreNone(t *testing.T) {
	for name, set := range map[string]func(pmetric.NumberDataPoint){
		"no number":               func(p pmetric.NumberDataPoint) { p.Attributes().Remove(zeros.Attribute) },
		"a negative number":       func(p pmetric.NumberDataPoint) { p.Attributes().PutInt(zeros.Attribute, -1) },
		"a huge number":           func(p pmetric.NumberDataPoint) { p.Attributes().PutInt(zeros.Attribute, 1<<62) },
		"a number that is text":   func(p pmetric.NumberDataPoint) { p.Attributes().PutStr(zeros.Attribute, "x") },
		"a feature that is newer": func(p pmetric.NumberDataPoint) { p.Attributes().PutInt(zeros.Attribute, 1000) },
		"a fraction":              func(p pmetric.NumberDataPoint) { p.SetDoubleValue(0.5) },
		"a negative mask":         func(p pmetric.NumberDataPoint) { p.SetIntValue(-1) },
		"no time":                 func(p pmetric.NumberDataPoint) { p.SetTimestamp(0) },
	} {
		t.Run(name, func(t *testing.T) {
			metrics := pmetric.NewMetrics()
			s := sample{id: "c", at: at(1_800_000_000)}
			masks := zeros.NewSet(1)
			masks.Add(0)
			to := s.in(metrics)
			s.masks(to, masks)
			set(to.At(0).Gauge().DataPoints().At(0))
			p := newPivot()
			p.add(metrics)
			assert.Equal(t, 1, p.rejected)
			require.ErrorContains(t, p.err(), zeros.Metric)
		})
	}
}

// testZeros stores the same samples with and without their zeros, and compares all that the database has.
func testZeros(t *testing.T, d *database) {
	whole, left := samples(rand.New(rand.NewPCG(3, 4)))
	for table, metrics := range map[string]pmetric.Metrics{"whole": whole, "left": left} {
		cfg := d.config()
		cfg.Tables.Container = table
		cfg.MaxFeatures = 300 // some are in the column more
		require.NoError(t, start(t, cfg).consume(t.Context(), metrics))
	}
	columns := func(table string) string {
		return one[string](d, "SELECT toString(groupArray(c)) FROM (SELECT (name, type, comment) AS c FROM system.columns "+
			"WHERE database = "+quoteText(d.name)+" AND table = "+quoteText(table)+" ORDER BY position)")
	}
	rows := func(table string) string {
		return one[string](d, "SELECT toString(groupArray(r)) FROM (SELECT tuple(* REPLACE (mapSort(more) AS more)) AS r FROM "+
			quoteName(d.name)+"."+quoteName(table)+" ORDER BY ts, entity)")
	}
	assert.Equal(t, columns("whole"), columns("left"))
	assert.Equal(t, rows("whole"), rows("left"))
	assert.Contains(t, rows("left"), ",nan,")
	assert.Contains(t, columns("left"), "exec_shell")
}
