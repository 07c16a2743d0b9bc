// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

// Program is a compiled set of rules. It is not changed by evaluation, so that several engines can share it.
type Program struct {
	Rules  []*Rule
	slots  *slots
	scopes [int(entity.Other) + 1]scopeProgram
}

// Rule is a compiled rule.
type Rule struct {
	*rulefile.Rule
	// Index is the place in Program.Rules.
	Index int
	// Lowered says that all its conditions are closures, none is evaluated by CEL.
	Lowered bool

	condition  *reason   // nil for a sequence
	sequence   []*reason // nil for a condition
	exceptions []*reason
	tests      []compiledTest
	// fingerprint is the same for rules that demand the same.
	fingerprint string
}

// scopeProgram is what is to be evaluated for an entity of a scope, and the layout of the state of such entities.
type scopeProgram struct {
	rules   []scopeRule
	derived []derived
	// How many there are of each kind of state.
	prevs, rings, baselines, peers, firsts, timers, steps int
}

// scopeRule is a rule and where its state is, -1 for none.
type scopeRule struct {
	*Rule
	timer int32
	steps int32
}

// derived is a number that is made of the past, and where its state is.
type derived struct {
	number
	slot  int32
	state int32
}

func newProgram(s *slots) *Program { return &Program{slots: s} }

// ForgetTests frees the tests of the rules, in a program that is made to tag samples.
func (p *Program) ForgetTests() {
	for _, r := range p.Rules {
		r.Tests, r.tests = nil, nil
	}
}

// Feature returns the slot of a feature, false if no rule uses it.
func (p *Program) Feature(name string) (int32, bool) {
	slot, ok := p.slots.numberNames[name]
	return slot, ok && p.slots.numbers[slot].function == noFunction
}

// arrange lays out the state of all enabled rules.
func (p *Program) arrange() {
	for _, scope := range entity.Scopes() {
		s := &p.scopes[scope]
		*s = scopeProgram{}
		for _, r := range p.Rules {
			if r.Enabled && slices.Contains(r.Scopes, scope) {
				s.addRule(r)
			}
		}
		used := s.used()
		for slot, n := range p.slots.numbers {
			if n.function != noFunction && used[int32(slot)] {
				s.addDerived(n, int32(slot))
			}
		}
	}
}

// Only returns a program that evaluates nothing but one rule, whether it is enabled or not.
func (p *Program) Only(name string) *Program {
	only := &Program{slots: p.slots}
	for _, r := range p.Rules {
		if r.Name == name {
			enabled := *r.Rule
			enabled.Enabled = true
			compiled := *r
			compiled.Rule, compiled.Index = &enabled, 0
			only.Rules = append(only.Rules, &compiled)
		}
	}
	only.arrange()
	return only
}

// Disable switches rules off.
func (p *Program) Disable(which func(name string) bool) {
	for _, r := range p.Rules {
		if which(r.Name) {
			disabled := *r.Rule
			disabled.Enabled = false
			r.Rule = &disabled
		}
	}
	p.arrange()
}

func (s *scopeProgram) addRule(r *Rule) {
	added := scopeRule{Rule: r, timer: -1, steps: -1}
	if r.For > 0 || r.KeepFiringFor > 0 {
		added.timer = int32(s.timers)
		s.timers++
	}
	if r.sequence != nil {
		added.steps = int32(s.steps)
		s.steps += len(r.sequence)
	}
	s.rules = append(s.rules, added)
}

// used returns the numbers that the rules of the scope look at.
func (s *scopeProgram) used() map[int32]bool {
	used := map[int32]bool{}
	for _, r := range s.rules {
		r.leaves(func(leaf *reason) {
			for _, slot := range leaf.numbers {
				used[slot] = true
			}
		})
	}
	return used
}

func (s *scopeProgram) addDerived(n number, slot int32) {
	var count *int
	switch n.function {
	case prevFunction, lastFunction:
		count = &s.prevs
	case sumFunction, avgFunction, maxFunction:
		count = &s.rings
	case zscoreFunction:
		count = &s.baselines
	case peersFunction:
		count = &s.peers
	case firstFunction:
		count = &s.firsts
	default: // the rate has no state, and texts are not of the entity
		s.derived = append(s.derived, derived{number: n, slot: slot})
		return
	}
	s.derived = append(s.derived, derived{number: n, slot: slot, state: int32(*count)})
	*count++
}

// leaves calls visit with all leaves of all conditions.
func (r *Rule) leaves(visit func(*reason)) {
	if r.condition != nil {
		r.condition.leaves(visit)
	}
	for _, all := range [][]*reason{r.sequence, r.exceptions} {
		for _, c := range all {
			c.leaves(visit)
		}
	}
}

// Uses returns the names of what the rule looks at: features, functions of them, texts.
func (p *Program) Uses(r *Rule) (numbers, texts []string) {
	r.leaves(func(leaf *reason) {
		for _, slot := range leaf.numbers {
			if name := p.slots.numbers[slot].name; !slices.Contains(numbers, name) {
				numbers = append(numbers, name)
			}
		}
		for _, slot := range leaf.texts {
			if name := p.slots.texts[slot].name; !slices.Contains(texts, name) {
				texts = append(texts, name)
			}
		}
	})
	return numbers, texts
}
