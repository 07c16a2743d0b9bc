// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

// compiler compiles a set of rules.
type compiler struct {
	set        *rulefile.Set
	vocabulary *Vocabulary
	slots      *slots
	factory    ast.ExprFactory
	// parser knows the language, but no variables.
	parser *cel.Env
	// checker knows the variables that all conditions together use.
	checker *cel.Env
	// broken are the macros that have been told to be wrong.
	broken map[string]bool
	// patterns are the regular expressions by their text: macros and lists have the same in many rules.
	patterns map[string]*regexp.Regexp
	// stock leaves all conditions to CEL, to compare with.
	stock bool
	errs  []error
}

// Compile compiles the rules. Its error tells all that is wrong, each with its place.
func Compile(set *rulefile.Set, vocabulary *Vocabulary) (*Program, error) {
	return compile(set, vocabulary, false)
}

func compile(set *rulefile.Set, vocabulary *Vocabulary, stock bool) (*Program, error) {
	parser, err := newParser()
	if err != nil {
		return nil, err
	}
	c := compiler{
		set: set, vocabulary: vocabulary, slots: newSlots(), factory: ast.NewExprFactory(), parser: parser,
		broken: map[string]bool{}, patterns: map[string]*regexp.Regexp{}, stock: stock,
	}
	c.checkNames()
	macros := c.parseMacros()
	var drafts []*draft
	for _, r := range set.Rules {
		drafts = append(drafts, c.draft(r))
	}
	if c.checker, err = c.newChecker(); err != nil {
		return nil, err
	}
	for _, m := range macros {
		c.check(m)
	}
	p := newProgram(c.slots)
	for _, d := range drafts {
		p.Rules = append(p.Rules, c.finish(d))
	}
	c.checkTests(p)
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	p.arrange()
	return p, nil
}

func newParser() (*cel.Env, error) {
	return cel.NewCustomEnv(
		cel.StdLib(),
		cel.ClearMacros(),
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.MapMacro, cel.FilterMacro),
		cel.CrossTypeNumericComparisons(true),
		cel.ExpressionNodeLimit(10_000),
		cel.ExpressionNestingDepthLimit(200),
		cel.Function(divide, cel.Overload("divide_double", []*cel.Type{cel.DoubleType, cel.DoubleType}, cel.DoubleType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				if v := quotient(float64(a.(types.Double)), float64(b.(types.Double))); v == v {
					return types.Double(v)
				}
				return missing()
			}))),
	)
}

// quotient is a/b, or NaN where that is no number.
func quotient(a, b float64) float64 {
	v := a / b
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

func (c *compiler) newChecker() (*cel.Env, error) {
	var options []cel.EnvOption
	for i := range c.slots.numbers {
		slot := int32(i)
		options = append(options, cel.Variable(variable(numberVariable, slot), cel.DoubleType),
			cel.Variable(variable(flagVariable, slot), cel.BoolType), cel.Variable(variable(hasVariable, slot), cel.BoolType))
	}
	for i := range c.slots.texts {
		options = append(options, cel.Variable(variable(textVariable, int32(i)), cel.StringType))
	}
	return c.parser.Extend(options...)
}

// checkNames demands that lists and macros do not hide features and identity texts.
func (c *compiler) checkNames() {
	fail := func(place, kind, name string) {
		c.errs = append(c.errs, fmt.Errorf("%s: %s %s: conditions have another meaning for this name", place, kind, name))
	}
	taken := func(name string) bool {
		_, isFunction := functions()[name]
		_, isFeature := c.vocabulary.features[name]
		return isFunction || isFeature || setIdentityText(&entity.Identity{}, name, "") || name == "scope" || name == "attributes" ||
			c.parser.HasFunction(name)
	}
	for _, name := range keys(c.set.Lists) {
		if taken(name) {
			fail(c.set.Lists[name].Place, "list", name)
		}
	}
	for _, name := range keys(c.set.Macros) {
		if m := c.set.Macros[name]; taken(name) {
			fail(m.Place(), "macro", name)
		}
	}
}

// parseMacros parses the macros by themselves, so that what is wrong with one is told once.
func (c *compiler) parseMacros() (macros []*expression) {
	for _, name := range keys(c.set.Macros) {
		x := &expression{where: "macro " + name, text: c.set.Macros[name]}
		r := rewriter{compiler: c, x: x, asked: map[string]bool{}, macros: []string{name}, expanded: new(int)}
		if root := r.root(); root != nil {
			r.expr(root)
		}
		c.broken[name] = x.failed
		macros = append(macros, x)
	}
	return macros
}

// check checks the types of a condition. It returns nil if there is something wrong with it.
func (c *compiler) check(x *expression) *cel.Ast {
	if x.failed {
		return nil
	}
	checked, issues := c.checker.Check(x.ast)
	if issues != nil && issues.Err() != nil {
		for _, e := range issues.Errors() {
			c.errs = append(c.errs, fmt.Errorf("%s: %s", x.place(e.Location), readable(e.Message)))
		}
		return nil
	}
	if output := checked.OutputType(); !output.IsExactType(cel.BoolType) {
		c.errs = append(c.errs, fmt.Errorf("%s:%d: %s: must be true or false, is a %s",
			x.text.File, x.text.Line, x.where, cel.FormatCELType(output)))
		return nil
	}
	return checked
}

// operator is how CEL's messages name an operator.
var operator = regexp.MustCompile(`'_?(&&|\|\||[<>=!]=|[<>+*/%!-]|\?)_?(?::_)?'`)

// readable says a message of CEL in the words of conditions.
func readable(message string) string {
	message = strings.ReplaceAll(message, "'"+divide+"'", "'_/_'")
	message = strings.ReplaceAll(message, "'@in'", "in")
	message = operator.ReplaceAllString(message, "$1")
	message = strings.ReplaceAll(message, " (in container '')", "")
	return strings.ReplaceAll(strings.ReplaceAll(message, "\n", " "), "  ", " ")
}
