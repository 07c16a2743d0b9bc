// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nodesec/nodesec/processors/rules/internal/engine"
)

// Info describes a rule.
type Info struct {
	Name, Description, Severity string
	Scopes, Techniques, Tags    []string
	Enabled                     bool
	// Origins are the places that say something of the rule: file and line, the first one where it is made.
	Origins []string
	Tests   int
}

// List describes all rules, in the order of the files.
func (r *Rules) List() (all []Info) {
	for _, rule := range r.program.Rules {
		info := Info{
			Name: rule.Name, Description: rule.Description, Severity: rule.Severity.String(), Techniques: rule.Techniques,
			Tags: rule.Tags, Enabled: rule.Enabled, Origins: rule.Origins, Tests: len(rule.Tests),
		}
		for _, scope := range rule.Scopes {
			info.Scopes = append(info.Scopes, scope.String())
		}
		all = append(all, info)
	}
	return all
}

// Verdict is the result of a test of a rule.
type Verdict = engine.Verdict

// Test runs the tests of the rules, of all or of those named.
func (r *Rules) Test(names ...string) (verdicts []Verdict) {
	for _, rule := range r.program.Rules {
		if len(names) == 0 || slices.Contains(names, rule.Name) {
			verdicts = append(verdicts, r.program.Test(rule)...)
		}
	}
	return verdicts
}

func (r *Rules) find(name string) *engine.Rule {
	for _, rule := range r.program.Rules {
		if rule.Name == name {
			return rule
		}
	}
	return nil
}

// Explain tells all about a rule in words.
func (r *Rules) Explain(name string) (string, error) {
	rule := r.find(name)
	if rule == nil {
		return "", fmt.Errorf("there is no rule %s", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n%s\n\n", rule.Name, rule.Severity, strings.TrimSpace(rule.Description))
	line := func(label, format string, arguments ...any) {
		fmt.Fprintf(&b, "  %-16s %s\n", label, fmt.Sprintf(format, arguments...))
	}
	for _, scope := range rule.Scopes {
		line("about each", "%s", scope)
	}
	for i, part := range rule.Condition {
		switch {
		case i == 0:
			line("fires if", "%s", indented(part.Text.Value))
		case part.Or:
			line("or", "%s", indented(part.Text.Value))
		default:
			line("and", "%s", indented(part.Text.Value))
		}
	}
	for i, text := range rule.Sequence {
		line([]string{"fires if", "and then"}[min(i, 1)], "%s", indented(text.Value))
	}
	for _, d := range []struct {
		label string
		value time.Duration
	}{{"within", rule.Within}, {"for", rule.For}, {"keeps firing for", rule.KeepFiringFor}} {
		if d.value > 0 {
			line(d.label, "%v", d.value)
		}
	}
	for _, e := range rule.Exceptions {
		line("unless", "%s  (%s)", indented(e.Condition.Value), e.Name)
	}
	r.explainMore(rule, line)
	return b.String(), nil
}

func (r *Rules) explainMore(rule *engine.Rule, line func(label, format string, arguments ...any)) {
	numbers, texts := r.program.Uses(rule)
	line("looks at", "%s", strings.Join(append(numbers, texts...), ", "))
	for _, id := range rule.Techniques {
		if t, err := r.matrix.Find(id); err == nil {
			line("ATT&CK", "%s %s (%s)", id, t.Name, strings.Join(t.Tactics, ", "))
		}
	}
	if rule.FalsePositives != "" {
		line("false positives", "%s", indented(rule.FalsePositives))
	}
	if len(rule.Tags) > 0 {
		line("tags", "%s", strings.Join(rule.Tags, ", "))
	}
	line("from", "%s", strings.Join(rule.Origins, ", "))
	line("tests", "%d", len(rule.Tests))
	if !rule.Enabled {
		line("enabled", "no")
	}
	if !rule.Lowered {
		line("evaluated by", "CEL: parts of it are not compiled to closures, which is slower")
	}
}

// indented keeps the lines of a text below each other.
func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 19))
}
