// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"slices"
	"strings"

	"github.com/nodesec/nodesec/internal/zeros"
)

// notLeftOut are the metrics of which each data point is written: what they are is the quality of a sample, or not known
// beforehand.
func notLeftOut(metric string) bool {
	return strings.HasPrefix(metric, "nodesec.quality.") || metric == "nodesec.syscall.calls" || metric == zeros.Metric
}

// features are those whose zeros may be left out.
func (c catalogue) features() (all []zeros.Feature) {
	for i := range c {
		m := &c[i]
		if notLeftOut(m.name) {
			continue
		}
		for _, value := range valuesOf(m) {
			if tells(m.name, value) {
				all = append(all, zeros.Feature{
					Metric: m.name, Unit: m.unit, Description: m.description, Attribute: m.attribute, Value: value,
					Sum: m.sum, Double: m.double,
				})
			}
		}
	}
	return all
}

// numbers are those of features, by metric and value of its attribute.
type numbers map[[2]string]int

func newNumbers(features []zeros.Feature) numbers {
	n := make(numbers, len(features))
	for number, f := range features {
		n[[2]string{f.Metric, f.Value}] = number
	}
	return n
}

// unnumbered stands for the number of a feature that has none.
const unnumbered = -1

func (n numbers) of(metric, value string) int {
	if number, ok := n[[2]string{metric, value}]; ok {
		return number
	}
	return unnumbered
}

// leaveOut notes that a feature is zero. It reports false if the zero is to be written: it has no number, or the metric
// that tells of those left out is switched off, or what has been written as a sum goes on.
func (w *writer) leaveOut(number int) bool {
	if w.e.zeros == nil || number < 0 {
		return false
	}
	w.e.zeros.Add(number)
	return true
}

// leftOut writes which features were left out.
func (w *writer) leftOut() {
	if !slices.ContainsFunc(w.e.zeros, func(mask uint64) bool { return mask != 0 }) {
		return
	}
	m, points := w.points(zeros.Metric, len(w.e.zeros))
	for i, mask := range w.e.zeros {
		if mask == 0 {
			continue
		}
		p := w.point(m, points, "")
		p.Attributes().PutInt(m.attribute, int64(i))
		p.SetIntValue(int64(mask))
	}
	clear(w.e.zeros)
}
