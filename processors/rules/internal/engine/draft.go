// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strings"

	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

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
	r := &Rule{Rule: d.rule, Lowered: true, fingerprint: fmt.Sprint(d.rule.For, d.rule.KeepFiringFor, d.rule.Within)}
	finish := func(x *expression) *reason {
		made, lowered := c.lower(x)
		r.Lowered = r.Lowered && lowered
		r.fingerprint = strings.Join(append([]string{r.fingerprint, x.text.Value}, x.uses...), "\x00")
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
	l := lowerer{tree: checked.NativeRep(), patterns: c.patterns}
	if !c.stock {
		made = l.condition(checked.NativeRep().Expr())
	}
	if made != nil {
		return made, true
	}
	made, err := byCEL(c.checker, checked)
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s:%d: %s: %w", x.text.File, x.text.Line, x.where, err))
		return nothing, false
	}
	return made, false
}
