// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// costLimit bounds one evaluation by CEL, in its own units: some ten milliseconds.
const costLimit = 1_000_000

// activation gives CEL the values of a frame.
type activation struct{ frame *frame }

var _ cel.Activation = activation{}

// missing is the value of what is missing: CEL takes it through all operators as it does an error, and && and || know that
// the other side may decide.
func missing() ref.Val { return types.NewUnknown(1, nil) }

// ResolveName returns the value of a variable.
func (a activation) ResolveName(name string) (any, bool) {
	kind, slot, ok := parseVariable(name)
	if !ok {
		return nil, false
	}
	if kind == textVariable {
		return types.String(a.frame.texts[slot]), true
	}
	v := a.frame.numbers[slot]
	switch {
	case kind == hasVariable:
		return types.Bool(v == v), true
	case v != v:
		return missing(), true
	case kind == flagVariable:
		return types.Bool(v != 0), true
	}
	return types.Double(v), true
}

// Parent returns nil: there is only the frame.
func (activation) Parent() cel.Activation { return nil }

// byCEL makes a condition that CEL evaluates.
func byCEL(env *cel.Env, checked *cel.Ast) (*reason, error) {
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		return nil, err
	}
	return leaf(checked.NativeRep().Expr(), func(f *frame) truth {
		value, _, err := program.Eval(activation{f})
		switch v := value.(type) {
		case types.Bool:
			return truthOf(bool(v))
		case *types.Unknown:
			return unknown
		}
		if err == nil {
			err = fmt.Errorf("is no bool: %v", value)
		}
		f.err = err
		return unknown
	}), nil
}
