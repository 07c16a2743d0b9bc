// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"encoding/binary"
	"hash/maphash"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// duplicates finds points of the same metric and attributes.
type duplicates struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newDuplicates() duplicates {
	return duplicates{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
}

// deduplicate removes the points of part i that the sample has already, or that came before in the same resource. Unless
// all are to be compared, only metrics whose names several sources have are.
func (a *assembler) deduplicate(h *held, rm pmetric.ResourceMetrics, i int, all bool) (trimmed bool) {
	d := &a.duplicates
	clear(d.seen)
	compares := func(metric pmetric.Metric) bool { return all || a.names.shared(metric.Name()) }
	note := func(sm pmetric.ScopeMetrics) {
		for _, metric := range sm.Metrics().All() {
			if compares(metric) {
				d.metric(metric, false)
			}
		}
	}
	for _, sm := range h.resource.ScopeMetrics().All() {
		note(sm)
	}
	for before := range i {
		note(rm.ScopeMetrics().At(before))
	}
	removed := int64(0)
	rm.ScopeMetrics().At(i).Metrics().RemoveIf(func(metric pmetric.Metric) bool {
		if !compares(metric) {
			return false
		}
		gone, left := d.metric(metric, true)
		removed += int64(gone)
		return gone > 0 && left == 0
	})
	a.tally.duplicates += removed
	if all && removed > 0 && a.tally.repeated == "" {
		a.tally.repeated = a.parts[i].source.scope
	}
	return removed > 0
}

// metric notes the points of a metric, or removes those that were noted before.
func (d *duplicates) metric(metric pmetric.Metric, remove bool) (removed, left int) {
	name := maphash.String(d.seed, metric.Name())
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return look(d, name, metric.Gauge().DataPoints(), remove)
	case pmetric.MetricTypeSum: // rows and rules do not tell it from a gauge
		return look(d, name, metric.Sum().DataPoints(), remove)
	case pmetric.MetricTypeHistogram:
		return look(d, name+1, metric.Histogram().DataPoints(), remove)
	case pmetric.MetricTypeExponentialHistogram:
		return look(d, name+2, metric.ExponentialHistogram().DataPoints(), remove)
	case pmetric.MetricTypeSummary:
		return look(d, name+3, metric.Summary().DataPoints(), remove)
	}
	return 0, 0
}

func look[P point[P], S points[P]](d *duplicates, name uint64, all S, remove bool) (removed, left int) {
	if remove {
		before := all.Len()
		all.RemoveIf(func(p P) bool {
			_, found := d.seen[d.hash(name, p.Attributes())]
			return found
		})
		return before - all.Len(), all.Len()
	}
	for i := range all.Len() {
		d.seen[d.hash(name, all.At(i).Attributes())] = struct{}{}
	}
	return 0, all.Len()
}

// hash does not depend on the order of the attributes. The seed is random, so that nobody can make points look the same.
func (d *duplicates) hash(name uint64, attributes pcommon.Map) uint64 {
	sum := name
	for key, value := range attributes.All() {
		var pair [17]byte
		binary.LittleEndian.PutUint64(pair[:], maphash.String(d.seed, key))
		pair[8] = byte(value.Type())
		switch value.Type() {
		case pcommon.ValueTypeStr:
			binary.LittleEndian.PutUint64(pair[9:], maphash.String(d.seed, value.Str()))
		case pcommon.ValueTypeInt:
			binary.LittleEndian.PutUint64(pair[9:], uint64(value.Int()))
		default:
			binary.LittleEndian.PutUint64(pair[9:], maphash.String(d.seed, value.AsString())) // allocates, and is rare
		}
		sum += maphash.Bytes(d.seed, pair[:])
	}
	return sum
}
