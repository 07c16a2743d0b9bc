// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/feature"
)

// Feature is what a column says of itself: the JSON text of the column's comment. A column belongs to the feature that
// its comment names, whatever the column is called, so all exporters on a database agree who owns which.
type Feature struct {
	Metric string `json:"metric"`
	// Attributes are those of the data point, their values as text.
	Attributes map[string]string `json:"attributes,omitempty"`
	// Part tells apart the columns of a histogram or summary. It is empty for a sum or gauge.
	Part        Part   `json:"part,omitempty"`
	Unit        string `json:"unit,omitempty"`
	Type        string `json:"type,omitempty"`
	Temporality string `json:"temporality,omitempty"`
	// Integer says that the first value was an integer, which chooses the codec of the column.
	Integer     bool   `json:"integer,omitempty"`
	Description string `json:"description,omitempty"`
}

// Part is what a column holds of a histogram or summary; its text ends the column's name.
type Part string

// The parts. Bounds are the upper bounds of the buckets but the last, Counts has one element more. Quantiles and Values
// of a summary have the same length.
const (
	PartCount     Part = "count"
	PartSum       Part = "sum"
	PartMin       Part = "min"
	PartMax       Part = "max"
	PartBounds    Part = "bounds"
	PartCounts    Part = "counts"
	PartQuantiles Part = "quantiles"
	PartValues    Part = "values"
)

// The types of the columns that hold features.
const (
	typeFloat  = "Float64"
	typeFloats = "Array(Float64)"
	typeCounts = "Array(UInt64)"
)

// maxDescription is where a description is cut, in bytes: it is prose, and comes from the sender.
const maxDescription = 1024

// newFeature describes the feature of a data point. What the comment could not keep (bytes that are not UTF-8, a second
// attribute of the same name) is gone before the key is made, or the column would never be recognised again.
func newFeature(metric pmetric.Metric, attributes pcommon.Map, part Part) Feature {
	f := Feature{
		Metric:      validText(metric.Name()),
		Part:        part,
		Unit:        validText(metric.Unit()),
		Type:        typeName(metric.Type()),
		Temporality: temporality(metric),
		Description: cut(validText(metric.Description()), maxDescription),
	}
	if attributes.Len() > 0 {
		f.Attributes = make(map[string]string, attributes.Len())
	}
	for key, value := range attributes.All() {
		if key = validText(key); !contains(f.Attributes, key) {
			f.Attributes[key] = validText(value.AsString())
		}
	}
	return f
}

// Name returns the name that the feature's column has unless another one has it already.
func (f Feature) Name() string {
	name := feature.Name(f.Metric, f.attributes())
	if f.Part == "" {
		return name
	}
	return feature.WithSuffix(name, string(f.Part))
}

// Key returns the text that tells the feature from all others. A part is in braces without an equals sign, which no
// key of a data point has.
func (f Feature) Key() string {
	key := feature.Key(f.Metric, f.attributes())
	if f.Part == "" {
		return key
	}
	return key + "{" + string(f.Part) + "}"
}

// ColumnType returns the ClickHouse type of the feature's column.
func (f Feature) ColumnType() string {
	switch f.Part {
	case PartBounds, PartQuantiles, PartValues:
		return typeFloats
	case PartCounts:
		return typeCounts
	}
	return typeFloat
}

// Comment returns the text of the column's comment.
func (f Feature) Comment() string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // a unit such as <1> stays readable
	_ = encoder.Encode(f)        // only strings: it can't go wrong
	return strings.TrimSuffix(text.String(), "\n")
}

// ParseFeature reads the comment of a column. It reports false for a column that is not a feature's.
func ParseFeature(comment string) (Feature, bool) {
	var f Feature
	if !strings.HasPrefix(comment, `{"metric":`) || json.Unmarshal([]byte(comment), &f) != nil {
		return Feature{}, false
	}
	return f, true
}

func (f Feature) attributes() pcommon.Map {
	m := pcommon.NewMap()
	m.EnsureCapacity(len(f.Attributes))
	for _, key := range slices.Sorted(maps.Keys(f.Attributes)) {
		m.PutStr(key, f.Attributes[key])
	}
	return m
}

func typeName(t pmetric.MetricType) string {
	switch t {
	case pmetric.MetricTypeSum:
		return "sum"
	case pmetric.MetricTypeGauge:
		return "gauge"
	case pmetric.MetricTypeHistogram:
		return "histogram"
	case pmetric.MetricTypeExponentialHistogram:
		return "exponential_histogram"
	case pmetric.MetricTypeSummary:
		return "summary"
	}
	return ""
}

func temporality(metric pmetric.Metric) string {
	t := pmetric.AggregationTemporalityUnspecified
	switch metric.Type() {
	case pmetric.MetricTypeSum:
		t = metric.Sum().AggregationTemporality()
	case pmetric.MetricTypeHistogram:
		t = metric.Histogram().AggregationTemporality()
	case pmetric.MetricTypeExponentialHistogram:
		t = metric.ExponentialHistogram().AggregationTemporality()
	}
	if t == pmetric.AggregationTemporalityUnspecified {
		return ""
	}
	return strings.ToLower(t.String())
}

func validText(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// cut returns the first limit bytes of text, less the bytes of a character that the limit would split.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}

func contains(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}
