// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// has puts a variable in the place of has(x), x being a feature or a function of the past.
func (r *rewriter) has(e ast.Expr) {
	if len(e.AsCall().Args()) != 1 {
		r.fail(e, "has takes one feature: has(x)")
		return
	}
	argument := e.AsCall().Args()[0]
	if argument.Kind() == ast.IdentKind {
		r.asked[argument.AsIdent()] = true
	}
	r.expr(argument)
	if argument.Kind() == ast.IdentKind {
		if kind, slot, ok := parseVariable(argument.AsIdent()); ok && kind != textVariable {
			r.setVariable(e, hasVariable, slot)
			return
		}
	}
	if !r.x.failed {
		r.fail(e, "has takes a feature or a function of the past, such as has(prev(x))")
	}
}

// past puts a variable in the place of a function of the past.
func (r *rewriter) past(e ast.Expr, name string, f function) {
	arguments := e.AsCall().Args()
	wantsWindow := f == lastFunction || f == sumFunction || f == avgFunction || f == maxFunction
	mayHaveWindow := wantsWindow || f == firstFunction
	if len(arguments) == 0 || len(arguments) > 2 || len(arguments) == 2 && !mayHaveWindow || len(arguments) == 1 && wantsWindow {
		r.fail(e, "%s is used as %s", name, usage(name))
		return
	}
	n := number{function: f, scopes: r.x.scopes}
	if len(arguments) == 2 {
		var ok bool
		if n.window, ok = windowOf(arguments[1]); !ok {
			r.fail(arguments[1], `must be a duration of 1s to 24h as a text, such as "5m"`)
			return
		}
	}
	if arguments[0].Kind() != ast.IdentKind {
		r.fail(arguments[0], "%s takes a feature, not an expression", name)
		return
	}
	of := nameOf(arguments[0])
	n.name = derivedName(name, of, n.window)
	if f == firstFunction && slices.Contains(identityTexts(), of) {
		n.function, n.of = firstTextFunction, r.slots.text(text{name: of})
		r.setVariable(e, flagVariable, r.slots.number(n))
		return
	}
	var ok bool
	if n.of, ok = r.feature(arguments[0], of); !ok {
		return
	}
	if known, _ := r.vocabulary.find(of); f == rateFunction && known.gauge {
		r.fail(arguments[0], "rate takes a counter, %s is a gauge", of)
		return
	}
	if f == firstFunction {
		r.setVariable(e, flagVariable, r.slots.number(n))
		return
	}
	r.setVariable(e, numberVariable, r.slots.number(n))
}

// nameOf is the name that an identifier stands for.
func nameOf(e ast.Expr) string {
	if name := e.AsIdent(); name != reservedAlias {
		return name
	}
	return reservedWord
}

func windowOf(e ast.Expr) (time.Duration, bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	value, ok := e.AsLiteral().(types.String)
	window, err := time.ParseDuration(string(value))
	return window, ok && err == nil && window >= time.Second && window <= 24*time.Hour
}

func usage(function string) string {
	switch function {
	case "last", "sum", "avg", "max":
		return function + `(x, "5m")`
	case "first_seen":
		return `first_seen(x) or first_seen(x, "10m")`
	}
	return function + "(x)"
}

func functionNames() []string {
	return append(keys(functions()), "has", "size", "contains", "startsWith", "endsWith", "matches", "exists", "all")
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
