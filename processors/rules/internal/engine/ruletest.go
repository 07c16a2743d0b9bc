// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

// compiledTest is a test of a rule, ready to run.
type compiledTest struct {
	rulefile.Test
	ticks []tick
}

// tick is a sample of a test and how often it comes.
type tick struct {
	repeat     int
	identity   entity.Identity
	attributes map[string]string
	numbers    map[int32]float64
}

// The words of a test's sample that are neither features nor texts of the identity.
const (
	repeatWord     = "repeat"
	entityWord     = "entity"
	attributesWord = "attributes"
	maxRepeat      = 100_000
)

// checkTests makes the tests ready to run.
func (c *compiler) checkTests(p *Program) {
	for i, r := range p.Rules {
		r.Index = i
		for _, t := range r.Tests {
			made := compiledTest{Test: t}
			for j, sample := range t.Samples {
				ticked, err := c.tick(p, r, sample)
				if err != nil {
					c.errs = append(c.errs, fmt.Errorf("%s: rule %s: test %q: sample %d: %w", t.Place, r.Name, t.Name, j+1, err))
					continue
				}
				made.ticks = append(made.ticks, ticked)
			}
			r.tests = append(r.tests, made)
		}
	}
}

func (c *compiler) tick(p *Program, r *Rule, sample map[string]any) (tick, error) {
	t := tick{repeat: 1, numbers: map[int32]float64{}, attributes: map[string]string{}}
	t.identity.Scope = r.Scopes[0]
	name := "test"
	for _, key := range keys(sample) {
		value := sample[key]
		var ok bool
		switch key {
		case repeatWord:
			if t.repeat, ok = value.(int); !ok || t.repeat < 1 || t.repeat > maxRepeat {
				return t, fmt.Errorf("repeat must be a number from 1 to %d, got %v", maxRepeat, value)
			}
		case entityWord:
			name = fmt.Sprint(value)
		case attributesWord:
			attributes, isMap := value.(map[string]any)
			if !isMap {
				return t, fmt.Errorf("attributes must be a map, got %v", value)
			}
			for key, value := range attributes {
				t.attributes[key] = fmt.Sprint(value)
			}
		case "scope":
			if t.identity.Scope, ok = scopeOf(value); !ok {
				return t, fmt.Errorf("scope must be node, pod, container or process, got %v", value)
			}
		default:
			if err := c.setValue(p, &t, key, value); err != nil {
				return t, err
			}
		}
	}
	t.identity.Hash = xxhash.Sum64String(t.identity.Scope.String() + " " + name)
	return t, nil
}

func scopeOf(value any) (entity.Scope, bool) {
	for _, scope := range []entity.Scope{entity.Node, entity.Pod, entity.Container, entity.Process} {
		if value == scope.String() {
			return scope, true
		}
	}
	return 0, false
}

// setValue sets a text of the identity or a feature.
func (c *compiler) setValue(p *Program, t *tick, key string, value any) error {
	if setIdentityText(&t.identity, key, fmt.Sprint(value)) {
		return nil
	}
	if _, ok := c.vocabulary.find(key); !ok {
		return fmt.Errorf("unknown feature or name %s%s", key,
			didYouMean(nearest(key, c.vocabulary.names, identityTexts())))
	}
	slot, used := p.Feature(key)
	var number float64
	switch v := value.(type) {
	case nil:
		return nil // missing
	case int:
		number = float64(v)
	case int64:
		number = float64(v)
	case uint64:
		number = float64(v)
	case float64:
		number = v
	case bool:
		if v {
			number = 1
		}
	default:
		return fmt.Errorf("%s must be a number, got %v", key, value)
	}
	if used {
		t.numbers[slot] = number
	}
	return nil
}

// Verdict is the result of a test of a rule.
type Verdict struct {
	Rule, Test, Place string
	// Passed says that the rule fired as the test says.
	Passed bool
	// Want and Got say whether the rule fires at the last sample.
	Want, Got bool
	// NotEvaluable says that the condition can't be told at the last sample, because Missing are missing.
	NotEvaluable bool
	Missing      []string
}

// String says what went wrong.
func (v *Verdict) String() string {
	switch {
	case v.Passed:
		return "ok"
	case v.NotEvaluable:
		return "does not fire: not evaluable without " + strings.Join(v.Missing, ", ")
	case v.Want:
		return "does not fire"
	}
	return "fires"
}

// Test runs the tests of a rule.
func (p *Program) Test(r *Rule) (verdicts []Verdict) {
	only := p.Only(r.Name)
	for i := range r.tests {
		verdicts = append(verdicts, only.run(only.Rules[0], &r.tests[i]))
	}
	return verdicts
}

func (p *Program) run(r *Rule, t *compiledTest) Verdict {
	v := Verdict{Rule: r.Name, Test: t.Name, Place: t.Place, Want: t.Match}
	e := NewEngine(p, Settings{TTL: math.MaxInt64, MaxEntities: math.MaxInt})
	at := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for i := range t.ticks {
		tick := &t.ticks[i]
		for range tick.repeat {
			sample := e.Begin()
			sample.Identity, sample.Time = &tick.identity, at
			sample.Attribute = func(key string) string { return tick.attributes[key] }
			for slot, value := range tick.numbers {
				e.Set(slot, value, t.Interval.Seconds())
			}
			before := append([]int64(nil), e.Counts.NotEvaluable...)
			v.Got = len(e.Evaluate()) > 0
			v.NotEvaluable = !v.Got && e.Counts.NotEvaluable[0] > before[0]
			at += int64(t.Interval)
		}
	}
	v.Passed = v.Got == v.Want
	if v.NotEvaluable {
		v.Missing = e.missing(r)
	}
	return v
}

// missing returns what a rule looks at and the last sample does not have.
func (e *Engine) missing(r *Rule) (names []string) {
	r.leaves(func(leaf *reason) {
		for _, slot := range leaf.numbers {
			name := e.program.slots.numbers[slot].name
			if v := e.frame.numbers[slot]; v != v && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names
}
