// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxAttributes bounds the resource attributes of a sample that parts after the first may add to: pdata looks for an
// attribute by going through all.
const maxAttributes = 256

// held is a sample that is being assembled.
type held struct {
	resource pmetric.ResourceMetrics
	// seen has the bits of the numbers of the sources it has parts of, delivered those of configured sources.
	seen, delivered uint64
	// quality are the points that speak for the whole sample.
	quality quality
	// skew is how long after the tick the latest of the points that had to be moved to it was measured.
	skew  time.Duration
	moved bool
}

// merge moves the metrics of a resource about the same entity and tick into the sample. The parts of the resource are
// those that look found.
func (a *assembler) merge(h *held, rm pmetric.ResourceMetrics) {
	mergeAttributes(h.resource.Resource().Attributes(), rm.Resource().Attributes())
	trimmed := false
	for i := range a.parts {
		trimmed = a.take(h, rm, i) || trimmed
	}
	if trimmed {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool { return sm.Metrics().Len() == 0 })
	}
	rm.ScopeMetrics().MoveAndAppendTo(h.resource.ScopeMetrics())
}

// take prepares a part to become one of the sample: it removes what the sample has already.
func (a *assembler) take(h *held, rm pmetric.ResourceMetrics, i int) (trimmed bool) {
	p := &a.parts[i]
	bit := uint64(1) << p.source.number
	repeated := h.seen&bit != 0
	switch {
	case h.seen == 0:
		h.quality = p.quality
	case !repeated:
		if both := h.quality.merge(&p.quality); both != 0 {
			removeQuality(rm.ScopeMetrics().At(i).Metrics(), both)
			trimmed = true
		}
	}
	if h.seen != 0 && (repeated || p.shared) {
		trimmed = a.deduplicate(h, rm, i, repeated) || trimmed
	}
	h.seen |= bit
	h.delivered |= p.source.delivers
	return trimmed
}

// removeQuality removes the first metric of each of the kinds.
func removeQuality(metrics pmetric.MetricSlice, kinds uint8) {
	metrics.RemoveIf(func(metric pmetric.Metric) bool {
		if kinds == 0 {
			return false
		}
		kind := kindOf(metric.Name())
		if kind == noQuality || kinds&(1<<kind) == 0 {
			return false
		}
		var only quality
		if !only.note(kind, metric) {
			return false
		}
		kinds &^= 1 << kind
		return true
	})
}

// mergeAttributes adds what the first ones lack or have empty.
func mergeAttributes(to, from pcommon.Map) {
	if to.Len() >= maxAttributes {
		return
	}
	for key, value := range from.All() {
		existing, ok := to.Get(key)
		switch {
		case ok && isEmpty(existing):
			value.MoveTo(existing)
		case !ok && to.Len() < maxAttributes:
			value.MoveTo(to.PutEmpty(key))
		}
	}
}

func isEmpty(v pcommon.Value) bool {
	return v.Type() == pcommon.ValueTypeEmpty || v.Type() == pcommon.ValueTypeStr && v.Str() == ""
}
