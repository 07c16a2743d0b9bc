// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

// divide is the function that stands for the operator /: what can't be divided is not evaluable, where CEL says infinity.
const divide = "@divide"

// expression is a condition on its way to a closure.
type expression struct {
	// where says of what it is the condition: rule x: exception y.
	where string
	text  rulefile.Text
	// scopes are those of the rule, 0 for a macro by itself.
	scopes scopeSet
	ast    *cel.Ast
	failed bool
	// uses are the texts of the lists and macros in it.
	uses []string
}

// place tells where in the file and in the expression something is.
func (x *expression) place(at common.Location) string {
	line, column := max(at.Line(), 1), at.Column()+1
	return fmt.Sprintf("%s:%d: %s %d:%d", x.text.File, x.text.Line+line-1, x.where, line, column)
}

// rewriter replaces the words of our language in a parsed condition by what CEL knows: names by variables, lists by
// their values, macros by their expressions, functions of the past by variables.
type rewriter struct {
	*compiler
	x       *expression
	info    *ast.SourceInfo
	nextID  int64
	bound   []string // variables of comprehensions
	macros  []string // being expanded
	foreign []foreignFeature
	// asked are the features that has() asks for.
	asked map[string]bool
	// expanded is how many macros the whole condition has been expanded by.
	expanded *int
}

// maxExpanded bounds how many macros a condition uses, those in macros and each use counted.
const maxExpanded = 1000

// foreignFeature is the use of a feature that a scope of the rule does not have.
type foreignFeature struct {
	name string
	err  error
}

// parse parses and rewrites a condition.
func (c *compiler) parse(x *expression) {
	r := rewriter{compiler: c, x: x, asked: map[string]bool{}, expanded: new(int)}
	root := r.root()
	if root == nil {
		return
	}
	r.expr(root)
	for _, f := range r.foreign {
		if !r.asked[f.name] {
			r.failed(f.err)
		}
	}
}

func (r *rewriter) root() ast.Expr {
	parsed, issues := r.parser.Parse(aliased(r.x.text.Value))
	if issues != nil && issues.Err() != nil {
		for _, e := range issues.Errors() {
			r.failed(fmt.Errorf("%s: %s", r.x.place(e.Location), readable(e.Message)))
		}
		return nil
	}
	r.x.ast = parsed
	r.info = parsed.NativeRep().SourceInfo()
	r.nextID = ast.MaxID(parsed.NativeRep())
	return parsed.NativeRep().Expr()
}

func (r *rewriter) failed(err error) {
	r.x.failed = true
	r.errs = append(r.errs, err)
}

func (r *rewriter) fail(at ast.Expr, format string, arguments ...any) {
	r.failed(r.errorAt(at, format, arguments...))
}

func (r *rewriter) errorAt(at ast.Expr, format string, arguments ...any) error {
	return fmt.Errorf("%s: %s", r.x.place(r.info.GetStartLocation(at.ID())), fmt.Sprintf(format, arguments...))
}

// id returns a number for a new node that stands where another one is.
func (r *rewriter) id(like int64) int64 {
	r.nextID++
	if at, ok := r.info.GetOffsetRange(like); ok {
		r.info.SetOffsetRange(r.nextID, at)
	}
	return r.nextID
}

func (r *rewriter) expr(e ast.Expr) {
	switch e.Kind() {
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.Int: // all numbers are doubles
			e.SetKindCase(r.factory.NewLiteral(e.ID(), types.Double(v)))
		case types.Uint:
			e.SetKindCase(r.factory.NewLiteral(e.ID(), types.Double(v)))
		}
	case ast.IdentKind:
		r.ident(e)
	case ast.SelectKind:
		if s := e.AsSelect(); !r.attribute(e, s.Operand(), types.String(s.FieldName())) {
			r.expr(s.Operand())
			if !r.x.failed {
				r.fail(e, "nothing here has fields, such as .%s", s.FieldName())
			}
		}
	case ast.CallKind:
		r.call(e)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			r.expr(item)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.expr(entry.AsMapEntry().Key())
			r.expr(entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		r.comprehension(e.AsComprehension())
	default:
		r.fail(e, "is nothing that conditions are made of")
	}
}

func (r *rewriter) comprehension(c ast.ComprehensionExpr) {
	r.expr(c.IterRange())
	r.expr(c.AccuInit())
	depth := len(r.bound)
	r.bound = append(r.bound, c.IterVar(), c.IterVar2(), c.AccuVar())
	r.expr(c.LoopCondition())
	r.expr(c.LoopStep())
	r.expr(c.Result())
	r.bound = r.bound[:depth]
}

func (r *rewriter) ident(e ast.Expr) {
	name := nameOf(e)
	if slices.Contains(r.bound, name) {
		return
	}
	if slices.Contains(identityTexts(), name) {
		r.setVariable(e, textVariable, r.slots.text(text{name: name}))
		return
	}
	if l, ok := r.set.Lists[name]; ok {
		r.x.uses = append(r.x.uses, fmt.Sprint(l.Values...))
		r.list(e, l)
		return
	}
	if m, ok := r.set.Macros[name]; ok {
		r.macro(e, name, m)
		return
	}
	if slot, ok := r.feature(e, name); ok {
		r.setVariable(e, numberVariable, slot)
	}
}

func (r *rewriter) setVariable(e ast.Expr, kind byte, slot int32) {
	e.SetKindCase(r.factory.NewIdent(e.ID(), variable(kind, slot)))
}

// feature returns the number of a feature.
func (r *rewriter) feature(at ast.Expr, name string) (int32, bool) {
	if name == "attributes" {
		r.fail(at, `attributes is used with the name of an attribute: attributes["k8s.pod.name"]`)
		return 0, false
	}
	f, ok := r.vocabulary.find(name)
	if !ok {
		r.fail(at, "unknown feature or name %s%s", name, didYouMean(nearest(name,
			r.vocabulary.names, identityTexts(), keys(r.set.Lists), keys(r.set.Macros))))
		return 0, false
	}
	if lacking := r.x.scopes &^ f.scopes; lacking != 0 {
		r.foreign = append(r.foreign, foreignFeature{name, r.errorAt(at,
			"%s is a feature of %s, the rule is for %s; where it may be missing, ask has(%[1]s)", name, f.scopes, r.x.scopes)})
	}
	return r.slots.number(number{name: name, scopes: r.x.scopes}), true
}

func (r *rewriter) list(e ast.Expr, l rulefile.List) {
	var items []ast.Expr
	for _, value := range l.Values {
		var item ast.Expr
		if number, ok := value.(float64); ok {
			item = r.factory.NewLiteral(r.id(e.ID()), types.Double(number))
		} else {
			item = r.factory.NewLiteral(r.id(e.ID()), types.String(value.(string)))
		}
		items = append(items, item)
	}
	e.SetKindCase(r.factory.NewList(e.ID(), items, nil))
}

// macro puts the expression of a macro in the place of its name.
func (r *rewriter) macro(e ast.Expr, name string, m rulefile.Text) {
	if slices.Contains(r.macros, name) {
		r.fail(e, "macro %s uses itself: %s", name, strings.Join(append(r.macros, name), ", "))
		return
	}
	if *r.expanded == maxExpanded {
		r.fail(e, "macros are used more than %d times", maxExpanded)
	}
	if *r.expanded++; *r.expanded > maxExpanded {
		return // has been told
	}
	inner := rewriter{
		compiler: r.compiler, asked: r.asked, expanded: r.expanded, macros: append(slices.Clone(r.macros), name),
		x: &expression{where: r.x.where + ": macro " + name, text: m, scopes: r.x.scopes},
	}
	if r.broken[name] {
		r.x.failed = true // has been told
		return
	}
	root := inner.root()
	if root == nil {
		r.x.failed = true
		return
	}
	inner.expr(root)
	r.foreign = append(r.foreign, inner.foreign...)
	r.x.failed = r.x.failed || inner.x.failed
	r.x.uses = append(append(r.x.uses, m.Value), inner.x.uses...)
	ids := map[int64]int64{}
	root.RenumberIDs(func(original int64) int64 {
		if ids[original] == 0 {
			ids[original] = r.id(e.ID())
		}
		return ids[original]
	})
	e.SetKindCase(root)
}

func (r *rewriter) call(e ast.Expr) {
	c := e.AsCall()
	name := c.FunctionName()
	if f, ours := functions()[name]; ours && !c.IsMemberFunction() {
		r.past(e, name, f)
		return
	}
	switch {
	case name == operators.Has && !c.IsMemberFunction():
		r.has(e)
		return
	case name == operators.Index && r.attribute(e, c.Args()[0], c.Args()[1].AsLiteral()):
		return
	case !r.parser.HasFunction(name):
		r.fail(e, "unknown function %s%s", name, didYouMean(nearest(name, functionNames())))
		return
	}
	if c.IsMemberFunction() {
		r.expr(c.Target())
	}
	for _, argument := range c.Args() {
		r.expr(argument)
	}
	switch name {
	case operators.Divide:
		e.SetKindCase(r.factory.NewCall(e.ID(), divide, c.Args()...))
	case "size": // all numbers are doubles
		inner := r.factory.NewCall(r.id(e.ID()), name, c.Args()...)
		if c.IsMemberFunction() {
			inner = r.factory.NewCall(r.id(e.ID()), name, c.Target())
		}
		e.SetKindCase(r.factory.NewCall(e.ID(), "double", inner))
	}
}

// attribute puts a variable in the place of attributes["key"] or attributes.key. It reports false if e is neither.
func (r *rewriter) attribute(e, operand ast.Expr, key any) bool {
	if operand.Kind() != ast.IdentKind || operand.AsIdent() != "attributes" {
		return false
	}
	attribute, ok := key.(types.String)
	if !ok {
		r.fail(e, `attributes takes the name of an attribute: attributes["k8s.pod.name"]`)
		return true
	}
	name := fmt.Sprintf("attributes[%q]", string(attribute))
	r.setVariable(e, textVariable, r.slots.text(text{name: name, attribute: string(attribute)}))
	return true
}
