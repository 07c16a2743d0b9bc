// SPDX-License-Identifier: Apache-2.0

package engine

import "slices"

// Evidence is what made a rule fire: features and functions of them with their values.
type Evidence struct {
	Numbers []NumberEvidence
	Texts   []TextEvidence
}

// NumberEvidence is a number that a condition looked at.
type NumberEvidence struct {
	Name  string
	Value float64
}

// TextEvidence is a text that a condition looked at.
type TextEvidence struct{ Name, Value string }

// Evidence returns why a rule fires, of those that the last call of Evaluate returned. Of a rule that is only kept firing
// it is everything that its condition looks at.
func (e *Engine) Evidence(f *Fired) Evidence {
	c := collector{engine: e}
	conditions := f.Rule.sequence
	if f.Rule.condition != nil {
		conditions = []*reason{f.Rule.condition}
	}
	for _, r := range conditions {
		switch {
		case f.Kept:
			r.leaves(c.add)
		case r.holds(&e.frame) == yes:
			r.decisive(&e.frame, yes, c.add)
		}
	}
	return c.Evidence
}

type collector struct {
	Evidence
	engine         *Engine
	numbers, texts []int32
}

func (c *collector) add(leaf *reason) {
	s := c.engine.program.slots
	for _, slot := range leaf.numbers {
		v := c.engine.frame.numbers[slot]
		if v == v && !slices.Contains(c.numbers, slot) {
			c.numbers = append(c.numbers, slot)
			c.Numbers = append(c.Numbers, NumberEvidence{s.numbers[slot].name, v})
		}
	}
	for _, slot := range leaf.texts {
		if v := c.engine.frame.texts[slot]; !slices.Contains(c.texts, slot) {
			c.texts = append(c.texts, slot)
			c.Texts = append(c.Texts, TextEvidence{s.texts[slot].name, v})
		}
	}
}
