// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// numberComparison lowers a comparison of numbers. Most are of a feature with a constant: they are one closure, not three.
func (l *lowerer) numberComparison(name string, a, b ast.Expr) condition {
	slot, isSlot := variableOf(a, numberVariable)
	if isSlot && b.Kind() == ast.LiteralKind {
		if made := compareWithConstant(name, slot, float64(b.AsLiteral().(types.Double))); made != nil {
			return made
		}
	}
	x, y := l.number(a), l.number(b)
	if x == nil || y == nil {
		return nil
	}
	switch name {
	case operators.Less:
		return func(f *frame) truth { return less(x(f), y(f)) }
	case operators.LessEquals:
		return func(f *frame) truth { return lessOrEqual(x(f), y(f)) }
	case operators.Greater:
		return func(f *frame) truth { return less(y(f), x(f)) }
	case operators.GreaterEquals:
		return func(f *frame) truth { return lessOrEqual(y(f), x(f)) }
	case operators.Equals:
		return func(f *frame) truth { return equal(x(f), y(f)) }
	case operators.NotEquals:
		return func(f *frame) truth { return negated(equal(x(f), y(f))) }
	}
	return nil
}

func less(a, b float64) truth {
	switch {
	case a < b:
		return yes
	case a >= b:
		return no
	}
	return unknown // one of them is NaN
}

func lessOrEqual(a, b float64) truth {
	switch {
	case a <= b:
		return yes
	case a > b:
		return no
	}
	return unknown
}

func equal(a, b float64) truth {
	switch {
	case a == b:
		return yes
	case a != a || b != b:
		return unknown
	}
	return no
}

func negated(t truth) truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

func compareWithConstant(name string, slot int32, constant float64) condition {
	switch name {
	case operators.Greater:
		return func(f *frame) truth {
			v := f.numbers[slot]
			if v > constant {
				return yes
			}
			if v == v {
				return no
			}
			return unknown
		}
	case operators.GreaterEquals:
		return func(f *frame) truth {
			v := f.numbers[slot]
			if v >= constant {
				return yes
			}
			if v == v {
				return no
			}
			return unknown
		}
	case operators.Less:
		return func(f *frame) truth { return less(f.numbers[slot], constant) }
	case operators.LessEquals:
		return func(f *frame) truth { return lessOrEqual(f.numbers[slot], constant) }
	case operators.Equals:
		return func(f *frame) truth { return equal(f.numbers[slot], constant) }
	case operators.NotEquals:
		return func(f *frame) truth { return negated(equal(f.numbers[slot], constant)) }
	}
	return nil
}

func (l *lowerer) number(e ast.Expr) arithmetic {
	if slot, ok := variableOf(e, numberVariable); ok {
		return func(f *frame) float64 { return f.numbers[slot] }
	}
	switch {
	case e.Kind() == ast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Double); ok {
			constant := float64(v)
			return func(*frame) float64 { return constant }
		}
	case e.Kind() == ast.CallKind && l.is(e, types.DoubleType):
		return l.operation(e.AsCall())
	}
	return nil
}

func (l *lowerer) operation(c ast.CallExpr) arithmetic {
	if c.FunctionName() == operators.Conditional {
		return l.numberChoice(c)
	}
	if c.FunctionName() == "double" && len(c.Args()) == 1 {
		return l.conversion(c.Args()[0])
	}
	var operands []arithmetic
	for _, argument := range c.Args() {
		operand := l.number(argument)
		if operand == nil {
			return nil
		}
		operands = append(operands, operand)
	}
	if c.FunctionName() == operators.Negate {
		x := operands[0]
		return func(f *frame) float64 { return -x(f) }
	}
	if len(operands) != 2 {
		return nil
	}
	x, y := operands[0], operands[1]
	switch c.FunctionName() {
	case operators.Add:
		return func(f *frame) float64 { return x(f) + y(f) }
	case operators.Subtract:
		return func(f *frame) float64 { return x(f) - y(f) }
	case operators.Multiply:
		return func(f *frame) float64 { return x(f) * y(f) }
	case divide:
		return func(f *frame) float64 { return quotient(x(f), y(f)) }
	}
	return nil
}

func (l *lowerer) numberChoice(c ast.CallExpr) arithmetic {
	test, then, otherwise := l.condition(c.Args()[0]), l.number(c.Args()[1]), l.number(c.Args()[2])
	if test == nil || then == nil || otherwise == nil {
		return nil
	}
	return func(f *frame) float64 {
		switch test.holds(f) {
		case yes:
			return then(f)
		case no:
			return otherwise(f)
		}
		return math.NaN()
	}
}

// conversion lowers double(x): of a number, and of the length of a text.
func (l *lowerer) conversion(of ast.Expr) arithmetic {
	if l.is(of, types.DoubleType) {
		return l.number(of)
	}
	if of.Kind() != ast.CallKind || of.AsCall().FunctionName() != "size" || len(of.AsCall().Args()) != 1 {
		return nil
	}
	if argument := of.AsCall().Args()[0]; l.is(argument, types.StringType) {
		if x := l.text(argument); x != nil {
			return func(f *frame) float64 { return float64(utf8.RuneCountInString(x(f))) }
		}
	}
	return nil
}
