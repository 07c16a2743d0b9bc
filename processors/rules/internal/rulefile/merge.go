// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/nodesec/nodesec/internal/entity"
)

func (m *merger) addRule(r *rule, file string) {
	place := fmt.Sprintf("%s:%d", file, max(r.Name.Line, 1))
	name := r.Name.Value
	if !names.MatchString(name) {
		m.fail(place, "rule %q: a name is lower case letters, digits and underscores, and begins with a letter", name)
		return
	}
	before := len(m.errs)
	old := m.set.Find(name)
	switch {
	case r.Override && r.Append != nil:
		m.fail(place, "rule %s: override and append exclude each other", name)
	case (r.Override || r.Append != nil) && old == nil:
		m.fail(place, "rule %s: there is none of this name before it to override or append to", name)
	case r.Append != nil:
		if r.givesFields() {
			m.fail(place, "rule %s: beside append there is only the name; override: true replaces fields", name)
			return
		}
		m.appendTo(old, r.Append, place)
	case r.Override:
		m.replace(old, r, place)
	case old != nil:
		m.fail(place, "rule %s: %s has a rule of this name; override: true replaces fields, append adds to it",
			name, old.Origins[0])
	default:
		old = &Rule{Name: name, Scopes: []entity.Scope{entity.Container}, Enabled: true}
		m.replace(old, r, place)
		if len(m.errs) == before {
			m.set.Rules = append(m.set.Rules, old)
		}
	}
	if len(m.errs) == before {
		m.check(old, place)
	}
}

func (r *rule) givesFields() bool {
	return r.Description != nil || r.Scope != nil || r.Condition != nil || r.Sequence != nil || r.Within != nil ||
		r.Severity != nil || r.Techniques != nil || r.For != nil || r.KeepFiringFor != nil || r.Exceptions != nil ||
		r.Enabled != nil || r.Tags != nil || r.FalsePositives != nil || r.Tests != nil
}

// replace makes what r gives the fields of the rule.
func (m *merger) replace(to *Rule, r *rule, place string) {
	to.Origins = append(to.Origins, place)
	set(&to.Description, r.Description)
	set(&to.FalsePositives, r.FalsePositives)
	set(&to.Enabled, r.Enabled)
	setDuration(&to.For, r.For)
	setDuration(&to.KeepFiringFor, r.KeepFiringFor)
	setDuration(&to.Within, r.Within)
	if r.Severity != nil {
		to.Severity = Severity(*r.Severity)
	}
	if r.Tags != nil {
		to.Tags = r.Tags
	}
	if r.Techniques != nil {
		to.Techniques = values(r.Techniques)
	}
	if r.Exceptions != nil {
		to.Exceptions = exceptions(r.Exceptions)
	}
	if r.Scope != nil {
		to.Scopes = m.scopes(r, place)
	}
	if r.Condition != nil && r.Sequence != nil {
		m.fail(place, "rule %s: condition and sequence exclude each other", to.Name)
	}
	if r.Condition != nil {
		to.Condition, to.Sequence, to.Within, to.Tests = []Part{{Text: *r.Condition}}, nil, 0, nil
		setDuration(&to.Within, r.Within)
	}
	if r.Sequence != nil {
		to.Condition, to.Sequence, to.Tests = nil, r.Sequence, nil
	}
	if r.Tests != nil {
		to.Tests = m.tests(to.Name, r.Tests)
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func setDuration(to *time.Duration, from *duration) {
	if from != nil {
		*to = time.Duration(*from)
	}
}

func values(texts []Text) (all []string) {
	for i := range texts {
		all = append(all, texts[i].Value)
	}
	return all
}

func exceptions(given []exception) (all []Exception) {
	for _, e := range given {
		all = append(all, Exception(e))
	}
	return all
}

func (m *merger) scopes(r *rule, place string) (all []entity.Scope) {
	for _, name := range r.Scope.names {
		found := false
		for _, scope := range []entity.Scope{entity.Node, entity.Pod, entity.Container, entity.Process} {
			if scope.String() == name {
				all, found = append(all, scope), true
			}
		}
		if !found {
			m.fail(place, "rule %s: scope must be node, pod, container or process, got %q", r.Name.Value, name)
		}
	}
	return all
}

func (m *merger) tests(rule string, given []test) (all []Test) {
	for i := range given {
		t := &given[i]
		made := Test{Name: t.Name.Value, Place: t.Name.Place(), Interval: 10 * time.Second, Samples: t.Samples}
		setDuration(&made.Interval, t.Interval)
		switch {
		case made.Name == "":
			m.fail(t.Name.Place(), "rule %s: test %d has no name", rule, i+1)
		case len(t.Samples) == 0:
			m.fail(t.Name.Place(), "rule %s: test %q has no samples", rule, made.Name)
		case t.Match == nil:
			m.fail(t.Name.Place(), "rule %s: test %q does not say whether it is a match", rule, made.Name)
		case made.Interval <= 0:
			m.fail(t.Name.Place(), "rule %s: test %q: interval must be positive", rule, made.Name)
		default:
			made.Match = *t.Match
			all = append(all, made)
		}
	}
	return all
}

// appendTo adds to a rule.
func (m *merger) appendTo(to *Rule, a *addition, place string) {
	to.Origins = append(to.Origins, place)
	if a.Condition != nil {
		operator, rest := a.Condition.Value, ""
		if end := strings.IndexFunc(operator, unicode.IsSpace); end > 0 {
			operator, rest = operator[:end], operator[end:]
		}
		part := Part{Or: operator == "or", Text: *a.Condition}
		part.Text.Value = strings.Repeat(" ", len(operator)) + rest // so that places in it stay what they are
		switch {
		case to.Sequence != nil:
			m.fail(place, "rule %s: a sequence takes no condition; append an exception, or override the sequence", to.Name)
		case operator != "or" && operator != "and", strings.TrimSpace(rest) == "":
			m.fail(place, `rule %s: append.condition must be "and" or "or" and a condition, got %q`, to.Name, a.Condition.Value)
		default:
			to.Condition = append(to.Condition, part)
		}
	}
	to.Exceptions = append(to.Exceptions, exceptions(a.Exceptions)...)
	to.Techniques = append(to.Techniques, values(a.Techniques)...)
	to.Tags = append(to.Tags, a.Tags...)
	to.Tests = append(to.Tests, m.tests(to.Name, a.Tests)...)
}

// check demands that a rule is whole.
func (m *merger) check(r *Rule, place string) {
	for _, e := range r.Exceptions {
		if e.Name == "" || e.Condition.Value == "" {
			m.fail(place, "rule %s: an exception has a name and a condition", r.Name)
		}
	}
	switch {
	case r.Condition == nil && r.Sequence == nil:
		m.fail(place, "rule %s: has neither condition nor sequence", r.Name)
	case len(r.Scopes) == 0:
		m.fail(place, "rule %s: has no scope", r.Name)
	case r.Severity == 0:
		m.fail(place, "rule %s: has no severity", r.Name)
	case r.Description == "":
		m.fail(place, "rule %s: has no description", r.Name)
	case r.Sequence != nil && len(r.Sequence) < 2:
		m.fail(place, "rule %s: a sequence has at least two conditions", r.Name)
	case r.Sequence != nil && r.Within <= 0:
		m.fail(place, "rule %s: a sequence needs within", r.Name)
	case r.Sequence == nil && r.Within != 0:
		m.fail(place, "rule %s: within is for a sequence", r.Name)
	}
}
