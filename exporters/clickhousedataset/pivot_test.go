// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
)

// TestGolden compares the rows of each testdata/NAME.otlp.json with testdata/NAME.rows.json.
func TestGolden(t *testing.T) {
	update := flag.Lookup("update") != nil && flag.Lookup("update").Value.String() == "true"
	files, err := filepath.Glob("testdata/*.otlp.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".otlp.json"), func(t *testing.T) {
			p := newPivot()
			p.add(read(t, file))
			got, err := json.MarshalIndent(dump(p), "", "  ")
			require.NoError(t, err)
			golden := strings.TrimSuffix(file, ".otlp.json") + ".rows.json"
			if update {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.JSONEq(t, string(want), string(got))

			p.reset()
			p.add(read(t, file))
			again, err := json.MarshalIndent(dump(p), "", "  ")
			require.NoError(t, err)
			assert.Equal(t, string(got), string(again), "a pivot that was used before makes other rows")
		})
	}
}

func read(t testing.TB, file string) pmetric.Metrics {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(text)
	require.NoError(t, err)
	return metrics
}

// dump shows the rows of a pivot by scope, and what was wrong.
func dump(p *pivot) map[string]any {
	out := map[string]any{"rejected": p.rejected, "faults": []string{}}
	faults := []string{}
	for _, f := range p.faults {
		faults = append(faults, f.metric+": "+f.reason)
	}
	out["faults"] = faults
	for _, b := range p.blocks {
		rows := []map[string]any{}
		for i := range b.len() {
			rows = append(rows, dumpRow(b, i))
		}
		if len(rows) > 0 {
			out[b.scope.String()] = map[string]any{
				"rows": rows, "values": b.values, "missing": b.missing, "duplicates": b.duplicates,
			}
		}
	}
	return out
}

func dumpRow(b *block, i int) map[string]any {
	row := map[string]any{
		"ts": time.UnixMilli(b.ts[i]).UTC().Format("2006-01-02 15:04:05.000"), "entity": fmt.Sprint(b.entity[i]),
	}
	if b.interval[i] > 0 {
		row["interval_ms"] = b.interval[i]
	}
	r := b.of(i)
	for _, c := range textColumns(b.scope) {
		if text := c.value(&r.identity); text != "" {
			row[c.name] = text
		}
	}
	if b.scope == entity.Process {
		row["pid"], row["ppid"], row["created"] = r.identity.PID, r.identity.ParentPID, r.created
	}
	for _, a := range r.attributes {
		row["attributes."+a.key] = a.value
	}
	if len(r.rules)+len(r.techniques)+len(r.severity) > 0 {
		row["rules"], row["techniques"], row["severity"] = r.rules, r.techniques, r.severity
	}
	for _, c := range b.used {
		switch {
		case c.values != nil && !math.IsNaN(c.values[i]):
			row[c.feature.Name()] = fmt.Sprint(c.values[i])
		case len(c.floats) > 0 && c.floats[i] != nil:
			row[c.feature.Name()] = fmt.Sprint(c.floats[i])
		case len(c.counts) > 0 && c.counts[i] != nil:
			row[c.feature.Name()] = fmt.Sprint(c.counts[i])
		}
	}
	return row
}

// at is the time of the points that the tests make.
func at(seconds int64) pcommon.Timestamp { return pcommon.NewTimestampFromTime(time.Unix(seconds, 0)) }

// gauge returns metrics with one gauge of a container.
func gauge(container, name string, ts pcommon.Timestamp, value float64, attributes ...string) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	addGauge(metrics, container, name, ts, value, attributes...)
	return metrics
}

func addGauge(metrics pmetric.Metrics, container, name string, ts pcommon.Timestamp, value float64, attributes ...string) {
	rm := metrics.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("container.id", container)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	point := m.SetEmptyGauge().DataPoints().AppendEmpty()
	point.SetTimestamp(ts)
	point.SetDoubleValue(value)
	for i := 0; i+1 < len(attributes); i += 2 {
		point.Attributes().PutStr(attributes[i], attributes[i+1])
	}
}

func tokenOf(metrics pmetric.Metrics) string {
	p := newPivot()
	p.add(metrics)
	return token(p.blocks[entity.Container])
}

func TestTokenIsThatOfTheContent(t *testing.T) {
	original := gauge("c", "m", at(1_800_000_000), 1, "a", "1", "b", "2")
	assert.Equal(t, tokenOf(original), tokenOf(gauge("c", "m", at(1_800_000_000), 1, "a", "1", "b", "2")))
	assert.Equal(t, tokenOf(original), tokenOf(gauge("c", "m", at(1_800_000_000), 1, "b", "2", "a", "1")),
		"the order of attributes means nothing")
	assert.Len(t, tokenOf(original), 64)
	seen := map[string]bool{tokenOf(original): true}
	for name, other := range map[string]pmetric.Metrics{
		"entity":    gauge("d", "m", at(1_800_000_000), 1, "a", "1", "b", "2"),
		"metric":    gauge("c", "n", at(1_800_000_000), 1, "a", "1", "b", "2"),
		"time":      gauge("c", "m", at(1_800_000_001), 1, "a", "1", "b", "2"),
		"value":     gauge("c", "m", at(1_800_000_000), 2, "a", "1", "b", "2"),
		"attribute": gauge("c", "m", at(1_800_000_000), 1, "a", "1", "b", "3"),
	} {
		assert.NotContains(t, seen, tokenOf(other), name)
		seen[tokenOf(other)] = true
	}
}

func TestTokenSurvivesTheQueueOnDisk(t *testing.T) {
	metrics := newFleet(20, 10).tick(time.Unix(1_800_000_000, 0))
	stored, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(metrics)
	require.NoError(t, err)
	read, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(stored)
	require.NoError(t, err)
	assert.Equal(t, tokenOf(metrics), tokenOf(read))
}

func TestKnownColumnsAreBounded(t *testing.T) {
	p := newPivot()
	for i := range maxKnownColumns * 2 {
		p.add(gauge("c", "m", at(1_800_000_000), 1, "hostile", fmt.Sprint(i)))
		p.reset()
	}
	assert.LessOrEqual(t, len(p.blocks[entity.Container].known), maxKnownColumns+1)
	assert.LessOrEqual(t, len(p.blocks[entity.Container].byKey), maxKnownColumns+1)
}

func TestFaultsAreBounded(t *testing.T) {
	metrics := pmetric.NewMetrics()
	for i := range 100 {
		addGauge(metrics, "c", fmt.Sprintf("m%d", i), 0, 1)
	}
	p := newPivot()
	p.add(metrics)
	assert.Equal(t, 100, p.rejected)
	assert.Equal(t, maxFaults, strings.Count(p.err().Error(), "metric"))
}

func TestExponentialBuckets(t *testing.T) {
	for _, tt := range []struct {
		name   string
		make   func(pmetric.ExponentialHistogramDataPoint)
		bounds []float64
		counts []uint64
	}{
		{"positive only", func(p pmetric.ExponentialHistogramDataPoint) {
			p.Positive().BucketCounts().FromRaw([]uint64{1, 2}) // base 2, offset 0: (1, 2], (2, 4]
		}, []float64{1, 2, 4}, []uint64{0, 1, 2, 0}},
		{"both sides and zero", func(p pmetric.ExponentialHistogramDataPoint) {
			p.Negative().BucketCounts().FromRaw([]uint64{5, 6}) // [-2, -1), [-4, -2)
			p.SetZeroCount(7)
			p.Positive().SetOffset(1)
			p.Positive().BucketCounts().FromRaw([]uint64{8}) // (2, 4]
		}, []float64{-4, -2, -1, 2, 4}, []uint64{0, 6, 5, 7, 8, 0}},
		{"zero only", func(p pmetric.ExponentialHistogramDataPoint) {
			p.SetZeroCount(3)
			p.SetZeroThreshold(0.5)
		}, []float64{0.5}, []uint64{3, 0}},
		{"a finer scale", func(p pmetric.ExponentialHistogramDataPoint) {
			p.SetScale(1) // base is the square root of 2
			p.Positive().SetOffset(2)
			p.Positive().BucketCounts().FromRaw([]uint64{1, 1})
		}, []float64{2, 2 * math.Sqrt2, 4}, []uint64{0, 1, 1, 0}},
		{"a coarser scale", func(p pmetric.ExponentialHistogramDataPoint) {
			p.SetScale(-1) // base 4
			p.Positive().BucketCounts().FromRaw([]uint64{1})
		}, []float64{1, 4}, []uint64{0, 1, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			point := pmetric.NewExponentialHistogramDataPoint()
			tt.make(point)
			bounds, counts := explicitBuckets(point)
			assert.InDeltaSlice(t, tt.bounds, bounds, 1e-12)
			assert.Equal(t, tt.counts, counts)
		})
	}
}

// attributesOf returns attributes of names and values in turn.
func attributesOf(texts ...string) pcommon.Map {
	m := pcommon.NewMap()
	for i := 0; i+1 < len(texts); i += 2 {
		m.PutStr(texts[i], texts[i+1])
	}
	return m
}
