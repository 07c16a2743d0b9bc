// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// truth is the value of a condition: of three, because what is missing is neither true nor false.
type truth uint8

const (
	no truth = iota
	yes
	unknown
)

// frame is what conditions are evaluated over. A number that is missing is NaN; no number is infinite.
type frame struct {
	numbers []float64
	texts   []string
	// err is the last error of an evaluation by CEL.
	err error
}

type (
	condition  func(*frame) truth
	arithmetic func(*frame) float64
	texts      func(*frame) string
)

// lowerer makes closures of the checked syntax tree of a condition. It answers nil for what it does not know.
type lowerer struct {
	tree     *ast.AST
	patterns map[string]*regexp.Regexp
}

// pattern compiles a regular expression, or returns nil for what is none.
func (l *lowerer) pattern(text string) *regexp.Regexp {
	compiled := l.patterns[text]
	if compiled == nil {
		var err error
		if compiled, err = regexp.Compile(text); err != nil {
			return nil
		}
		l.patterns[text] = compiled
	}
	return compiled
}

func (l *lowerer) is(e ast.Expr, t *types.Type) bool { return l.tree.GetType(e.ID()).IsExactType(t) }

func variableOf(e ast.Expr, kind byte) (int32, bool) {
	if e.Kind() != ast.IdentKind {
		return 0, false
	}
	k, slot, ok := parseVariable(e.AsIdent())
	return slot, ok && k == kind
}

// condition lowers what is true or false, together with what tells why.
func (l *lowerer) condition(e ast.Expr) *reason {
	switch e.Kind() {
	case ast.LiteralKind:
		if e.AsLiteral() == types.True {
			return leaf(e, func(*frame) truth { return yes })
		}
		return leaf(e, func(*frame) truth { return no })
	case ast.IdentKind:
		if c := flag(e); c != nil {
			return leaf(e, c)
		}
		return nil
	case ast.CallKind:
		return l.call(e)
	}
	return nil
}

func flag(e ast.Expr) condition {
	if slot, ok := variableOf(e, hasVariable); ok {
		return func(f *frame) truth {
			if v := f.numbers[slot]; v == v {
				return yes
			}
			return no
		}
	}
	if slot, ok := variableOf(e, flagVariable); ok {
		return func(f *frame) truth {
			switch v := f.numbers[slot]; {
			case v != v:
				return unknown
			case v != 0:
				return yes
			}
			return no
		}
	}
	return nil
}

func (l *lowerer) call(e ast.Expr) *reason {
	c := e.AsCall()
	switch c.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		var parts []*reason
		for _, argument := range c.Args() {
			part := l.condition(argument)
			if part == nil {
				return nil
			}
			parts = append(parts, part)
		}
		if c.FunctionName() == operators.LogicalAnd {
			return allOf(parts)
		}
		return anyOf(parts)
	case operators.LogicalNot:
		if part := l.condition(c.Args()[0]); part != nil {
			return notOf(part)
		}
		return nil
	case operators.Conditional:
		return l.choice(e)
	}
	if made := l.comparison(c); made != nil {
		return leaf(e, made)
	}
	return nil
}

func (l *lowerer) choice(e ast.Expr) *reason {
	arguments := e.AsCall().Args()
	test, then, otherwise := l.condition(arguments[0]), l.condition(arguments[1]), l.condition(arguments[2])
	if test == nil || then == nil || otherwise == nil {
		return nil
	}
	return leaf(e, func(f *frame) truth {
		switch test.holds(f) {
		case yes:
			return then.holds(f)
		case no:
			return otherwise.holds(f)
		}
		return unknown
	})
}

func (l *lowerer) comparison(c ast.CallExpr) condition {
	arguments := c.Args()
	if c.IsMemberFunction() {
		arguments = append([]ast.Expr{c.Target()}, arguments...)
	}
	if len(arguments) != 2 {
		return nil
	}
	a, b := arguments[0], arguments[1]
	switch {
	case c.FunctionName() == operators.In && b.Kind() == ast.ListKind:
		return l.membership(a, b)
	case l.is(a, types.StringType) && l.is(b, types.StringType):
		return l.textComparison(c.FunctionName(), a, b)
	case l.is(a, types.DoubleType) && l.is(b, types.DoubleType):
		return l.numberComparison(c.FunctionName(), a, b)
	case l.is(a, types.BoolType) && l.is(b, types.BoolType):
		return l.truthComparison(c.FunctionName(), a, b)
	}
	return nil
}

func (l *lowerer) truthComparison(name string, a, b ast.Expr) condition {
	x, y := l.condition(a), l.condition(b)
	if x == nil || y == nil || name != operators.Equals && name != operators.NotEquals {
		return nil
	}
	same := name == operators.Equals
	return func(f *frame) truth {
		v, w := x.holds(f), y.holds(f)
		if v == unknown || w == unknown {
			return unknown
		}
		return truthOf((v == w) == same)
	}
}

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// membership lowers x in [...] with a list of constants.
func (l *lowerer) membership(a, list ast.Expr) condition {
	var numbers []float64
	words := map[string]bool{}
	for _, item := range list.AsList().Elements() {
		if item.Kind() != ast.LiteralKind {
			return nil
		}
		switch v := item.AsLiteral().(type) {
		case types.Double:
			numbers = append(numbers, float64(v))
		case types.String:
			words[string(v)] = true
		default:
			return nil
		}
	}
	if l.is(a, types.StringType) && numbers == nil {
		if x := l.text(a); x != nil {
			return func(f *frame) truth { return truthOf(words[x(f)]) }
		}
	}
	if l.is(a, types.DoubleType) && len(words) == 0 {
		if x := l.number(a); x != nil {
			return func(f *frame) truth {
				v := x(f)
				if v != v {
					return unknown
				}
				return truthOf(slices.Contains(numbers, v))
			}
		}
	}
	return nil
}

func (l *lowerer) textComparison(name string, a, b ast.Expr) condition {
	x, y := l.text(a), l.text(b)
	if x == nil || y == nil {
		return nil
	}
	var constant string
	isConstant := b.Kind() == ast.LiteralKind
	if isConstant {
		constant = string(b.AsLiteral().(types.String))
	}
	switch name {
	case operators.Equals:
		if isConstant {
			return func(f *frame) truth { return truthOf(x(f) == constant) }
		}
		return func(f *frame) truth { return truthOf(x(f) == y(f)) }
	case operators.NotEquals:
		return func(f *frame) truth { return truthOf(x(f) != y(f)) }
	case operators.Less:
		return func(f *frame) truth { return truthOf(x(f) < y(f)) }
	case operators.LessEquals:
		return func(f *frame) truth { return truthOf(x(f) <= y(f)) }
	case operators.Greater:
		return func(f *frame) truth { return truthOf(x(f) > y(f)) }
	case operators.GreaterEquals:
		return func(f *frame) truth { return truthOf(x(f) >= y(f)) }
	case "contains":
		return func(f *frame) truth { return truthOf(strings.Contains(x(f), y(f))) }
	case "startsWith":
		return func(f *frame) truth { return truthOf(strings.HasPrefix(x(f), y(f))) }
	case "endsWith":
		return func(f *frame) truth { return truthOf(strings.HasSuffix(x(f), y(f))) }
	case "matches":
		if expression := l.pattern(constant); expression != nil && isConstant {
			return func(f *frame) truth { return truthOf(expression.MatchString(x(f))) }
		}
	}
	return nil
}

func (l *lowerer) text(e ast.Expr) texts {
	if e.Kind() == ast.LiteralKind {
		if v, ok := e.AsLiteral().(types.String); ok {
			constant := string(v)
			return func(*frame) string { return constant }
		}
	}
	if slot, ok := variableOf(e, textVariable); ok {
		return func(f *frame) string { return f.texts[slot] }
	}
	return nil
}
