// SPDX-License-Identifier: Apache-2.0

package detections

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The resource attributes by which the processor rules tags a sample.
const (
	attributeRules      = "nodesec.rules"
	attributeSeverity   = "nodesec.severity"
	attributeTechniques = "nodesec.attack.techniques"
	attributeEvidence   = "nodesec.evidence"
)

// isTag reports whether an attribute is a tag, which is of the sample and not of its entity.
func isTag(attribute string) bool {
	return attribute == attributeRules || attribute == attributeSeverity || attribute == attributeTechniques ||
		attribute == attributeEvidence
}

// firing is a rule that fires at a sample.
type firing struct {
	rule, description string
	severity          plog.SeverityNumber
	techniques        []string
	// values are the evidence. They belong to the sample.
	values    pcommon.Map
	hasValues bool
}

// firings returns the rules that fire at a sample, in the order of their names. Without evidence the severity and the
// techniques of the sample stand for those of each rule.
func firings(attributes pcommon.Map) (all []firing) {
	names, ok := attributes.Get(attributeRules)
	if !ok || names.Type() != pcommon.ValueTypeSlice {
		return nil
	}
	severity := severityOf(attributes, attributeSeverity)
	techniques := textsOf(attributes, attributeTechniques)
	evidence, hasEvidence := mapOf(attributes, attributeEvidence)
	for _, name := range names.Slice().All() {
		f := firing{rule: name.AsString(), severity: severity, techniques: techniques}
		if hasEvidence {
			if of, ok := mapOf(evidence, f.rule); ok {
				f.severity = cmp.Or(severityOf(of, "severity"), severity)
				f.techniques = textsOf(of, "techniques")
				f.values, f.hasValues = mapOf(of, "values")
				if description, ok := of.Get("description"); ok {
					f.description = description.AsString()
				}
			}
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b firing) int { return cmp.Compare(a.rule, b.rule) })
	return slices.CompactFunc(all, func(a, b firing) bool { return a.rule == b.rule })
}

func severityOf(attributes pcommon.Map, key string) plog.SeverityNumber {
	value, ok := attributes.Get(key)
	if !ok {
		return plog.SeverityNumberUnspecified
	}
	return severityNumber(value.AsString())
}

func mapOf(attributes pcommon.Map, key string) (pcommon.Map, bool) {
	if value, ok := attributes.Get(key); ok && value.Type() == pcommon.ValueTypeMap {
		return value.Map(), true
	}
	return pcommon.Map{}, false
}

func textsOf(attributes pcommon.Map, key string) (all []string) {
	if value, ok := attributes.Get(key); ok && value.Type() == pcommon.ValueTypeSlice {
		for _, item := range value.Slice().All() {
			all = append(all, item.AsString())
		}
	}
	return all
}

// timeOf returns the time of a sample, that of its newest point; 0 if it has none.
func timeOf(rm pmetric.ResourceMetrics) (newest pcommon.Timestamp) {
	for _, scope := range rm.ScopeMetrics().All() {
		for _, metric := range scope.Metrics().All() {
			switch metric.Type() {
			case pmetric.MetricTypeGauge:
				newest = max(newest, newestOf(metric.Gauge().DataPoints()))
			case pmetric.MetricTypeSum:
				newest = max(newest, newestOf(metric.Sum().DataPoints()))
			}
		}
	}
	return newest
}

func newestOf(points pmetric.NumberDataPointSlice) (newest pcommon.Timestamp) {
	for i := range points.Len() {
		newest = max(newest, points.At(i).Timestamp())
	}
	return newest
}
