// SPDX-License-Identifier: Apache-2.0

// Package zeros tells of many zeros in a few data points.
//
// Most counts of a sample are zero. A receiver leaves their data points out, and says so: each point of Metric is a mask
// of PerPoint features that are zero in the sample it is in. Whoever looks at the features of a sample takes the mask for
// the points left out; nothing else makes a zero of what is absent. So what the receiver did not measure, or somebody
// took out of the sample on the way, stays missing.
//
// A feature is known by its number, its line in features.txt. Sender and reader may be of different versions, therefore
// lines are added at the end only, and never removed.
package zeros

import (
	_ "embed"
	"fmt"
	"iter"
	"math/bits"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Metric is the name of the metric, a gauge of integers.
const Metric = "nodesec.zeros"

// Attribute is the key of the attribute of a data point that tells which mask it is: the first is of the features from
// number 0 on.
const Attribute = "nodesec.zeros.mask"

// PerPoint is how many features a data point is about: as many as a floating-point number has bits.
const PerPoint = 52

//go:embed features.txt
var features string

// Feature is a number that may be left out, as a data point of a metric.
type Feature struct {
	Metric, Unit, Description string
	// Attribute is the key of the only attribute of the data point, Value its value; both are empty if there is none.
	Attribute, Value string
	// Sum says that the metric is a monotonic sum of deltas, else it is a gauge.
	Sum bool
	// Double says that the value is a floating-point number.
	Double bool
}

// columns of features.txt.
const columns = 6

// String returns the line of the feature.
func (f Feature) String() string {
	return strings.Join([]string{f.Metric, f.Attribute, f.Value, f.kind(), f.Unit, f.Description}, "\t")
}

func (f Feature) kind() string {
	kind := "gauge"
	if f.Sum {
		kind = "sum"
	}
	if f.Double {
		kind += " double"
	}
	return kind
}

// Features returns all features, in the order of their numbers.
func Features() []Feature { return Parse(features) }

// Parse reads features, a line each.
func Parse(text string) (all []Feature) {
	for line := range strings.Lines(text) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(field) != columns {
			panic(fmt.Sprintf("features.txt: %q has %d columns", line, len(field))) // the file is part of the program
		}
		kind, double := strings.CutSuffix(field[3], " double")
		all = append(all, Feature{
			Metric: field[0], Attribute: field[1], Value: field[2], Sum: kind == "sum", Double: double,
			Unit: field[4], Description: field[5],
		})
	}
	return all
}

// Set is a set of features, by masks.
type Set []uint64

// NewSet returns a set with room for so many features.
func NewSet(features int) Set { return make(Set, (features+PerPoint-1)/PerPoint) }

// Add adds the feature of the number.
func (s Set) Add(number int) { s[number/PerPoint] |= 1 << (number % PerPoint) }

// Mask is what a data point of Metric says.
type Mask struct {
	first int
	bits  uint64
}

// maxMasks bounds the number of a mask.
const maxMasks = 1 << 10

// Read reads a data point of Metric. It reports false if the point is not as it should be.
func Read(point pmetric.NumberDataPoint) (m Mask, ok bool) {
	number, ok := point.Attributes().Get(Attribute)
	if !ok || number.Type() != pcommon.ValueTypeInt || point.ValueType() != pmetric.NumberDataPointValueTypeInt {
		return m, false
	}
	m = Mask{first: int(number.Int()) * PerPoint, bits: uint64(point.IntValue())}
	return m, number.Int() >= 0 && number.Int() < maxMasks && m.bits < 1<<PerPoint
}

// All returns the numbers of the features that are zero.
func (m Mask) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for left := m.bits; left != 0; left &= left - 1 {
			if !yield(m.first + bits.TrailingZeros64(left)) {
				return
			}
		}
	}
}
