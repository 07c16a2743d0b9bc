// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"slices"
	"time"

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
	case prevFunction:
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

// draft is a rule on its way through the compiler.
type draft struct {
	rule                            *rulefile.Rule
	condition, sequence, exceptions []*expression
}

// draft parses the conditions of a rule.
func (c *compiler) draft(r *rulefile.Rule) *draft {
	d := &draft{rule: r}
	scopes := setOf(r.Scopes)
	parse := func(text rulefile.Text, format string, arguments ...any) *expression {
		x := &expression{where: "rule " + r.Name + ": " + fmt.Sprintf(format, arguments...), text: text, scopes: scopes}
		c.parse(x)
		return x
	}
	for i, part := range r.Condition {
		if i == 0 {
			d.condition = append(d.condition, parse(part.Text, "condition"))
		} else {
			d.condition = append(d.condition, parse(part.Text, "append.condition"))
		}
	}
	for i, text := range r.Sequence {
		d.sequence = append(d.sequence, parse(text, "sequence[%d]", i))
	}
	for _, e := range r.Exceptions {
		d.exceptions = append(d.exceptions, parse(e.Condition, "exception %s", e.Name))
	}
	return d
}

// finish makes closures of the conditions.
func (c *compiler) finish(d *draft) *Rule {
	r := &Rule{Rule: d.rule, Lowered: true}
	finish := func(x *expression) *reason {
		made, lowered := c.lower(x)
		r.Lowered = r.Lowered && lowered
		return made
	}
	for i, x := range d.condition {
		switch made := finish(x); {
		case i == 0:
			r.condition = made
		case d.rule.Condition[i].Or:
			r.condition = anyOf([]*reason{r.condition, made})
		default:
			r.condition = allOf([]*reason{r.condition, made})
		}
	}
	for _, x := range d.sequence {
		r.sequence = append(r.sequence, finish(x))
	}
	for _, x := range d.exceptions {
		r.exceptions = append(r.exceptions, finish(x))
	}
	return r
}

// lower makes a closure of a condition. It returns what is never true if the condition is wrong.
func (c *compiler) lower(x *expression) (made *reason, lowered bool) {
	nothing := &reason{holds: func(*frame) truth { return unknown }}
	checked := c.check(x)
	if checked == nil {
		return nothing, true
	}
	l := lowerer{tree: checked.NativeRep()}
	if made = l.condition(checked.NativeRep().Expr()); made != nil {
		return made, true
	}
	made, err := byCEL(c.checker, checked)
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s:%d: %s: %w", x.text.File, x.text.Line, x.where, err))
		return nothing, false
	}
	return made, false
}

// Longest is the longest time that a rule of the program looks back.
func (p *Program) Longest() (longest time.Duration) {
	for _, n := range p.slots.numbers {
		longest = max(longest, n.window)
	}
	for _, r := range p.Rules {
		longest = max(longest, r.Within, r.For, r.KeepFiringFor)
	}
	return longest
}
