// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/processors/rules/internal/engine"
	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

// The resource attributes that tag a sample.
const (
	attributeRules      = "nodesec.rules"
	attributeSeverity   = "nodesec.severity"
	attributeTechniques = "nodesec.attack.techniques"
	attributeEvidence   = "nodesec.evidence"
)

// The keys of what nodesec.evidence tells of a rule.
const (
	evidenceDescription = "description"
	evidenceSeverity    = "severity"
	evidenceTechniques  = "techniques"
	evidenceValues      = "values"
)

// tag writes the rules that fire into the attributes of a resource. What is there, of rules that were evaluated before,
// stays.
func tag(attributes pcommon.Map, e *engine.Engine, fired []engine.Fired, evidence bool) {
	if len(fired) == 0 {
		return
	}
	var names, techniques []string
	highest := rulefile.Severity(0)
	if old, ok := attributes.Get(attributeSeverity); ok {
		highest, _ = rulefile.ParseSeverity(old.AsString())
	}
	for i := range fired {
		rule := fired[i].Rule
		names = append(names, rule.Name)
		techniques = append(techniques, rule.Techniques...)
		highest = max(highest, rule.Severity)
	}
	putSorted(attributes, attributeRules, names)
	putSorted(attributes, attributeTechniques, techniques)
	attributes.PutStr(attributeSeverity, highest.String())
	if evidence {
		putEvidence(attributes, e, fired)
	}
}

// putSorted adds texts to a list in the attributes, which then is sorted and has each once.
func putSorted(attributes pcommon.Map, key string, add []string) {
	if old, ok := attributes.Get(key); ok && old.Type() == pcommon.ValueTypeSlice {
		for _, item := range old.Slice().All() {
			add = append(add, item.AsString())
		}
	}
	if len(add) == 0 {
		return
	}
	slices.Sort(add)
	add = slices.Compact(add)
	list := attributes.PutEmptySlice(key)
	list.EnsureCapacity(len(add))
	for _, text := range add {
		list.AppendEmpty().SetStr(text)
	}
}

// putEvidence adds what is known of each rule that fires, and why it does.
func putEvidence(attributes pcommon.Map, e *engine.Engine, fired []engine.Fired) {
	var all pcommon.Map
	if old, ok := attributes.Get(attributeEvidence); ok && old.Type() == pcommon.ValueTypeMap {
		all = old.Map()
	} else {
		all = attributes.PutEmptyMap(attributeEvidence)
	}
	for i := range fired {
		rule := fired[i].Rule
		of := all.PutEmptyMap(rule.Name)
		of.PutStr(evidenceDescription, rule.Description)
		of.PutStr(evidenceSeverity, rule.Severity.String())
		putSorted(of, evidenceTechniques, slices.Clone(rule.Techniques))
		values := of.PutEmptyMap(evidenceValues)
		found := e.Evidence(&fired[i])
		for _, n := range found.Numbers {
			values.PutDouble(n.Name, n.Value)
		}
		for _, t := range found.Texts {
			values.PutStr(t.Name, t.Value)
		}
	}
}
