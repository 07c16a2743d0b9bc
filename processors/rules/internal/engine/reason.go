// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"cel.dev/cel-go/common/ast"
)

// reason is a condition that can tell why it is true: what its parts are, and what they look at.
type reason struct {
	holds condition
	kind  reasonKind
	parts []*reason
	// numbers and texts are what a leaf looks at.
	numbers, texts []int32
}

type reasonKind uint8

const (
	leafReason reasonKind = iota
	allReason
	anyReason
	notReason
)

func leaf(e ast.Expr, holds condition) *reason {
	r := &reason{holds: holds}
	r.numbers, r.texts = slotsOf(e)
	return r
}

// slotsOf returns the numbers and texts in an expression.
func slotsOf(e ast.Expr) (numbers, texts []int32) {
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.IdentKind {
			return
		}
		kind, slot, ok := parseVariable(e.AsIdent())
		switch {
		case !ok:
		case kind == textVariable:
			if !slices.Contains(texts, slot) {
				texts = append(texts, slot)
			}
		case !slices.Contains(numbers, slot):
			numbers = append(numbers, slot)
		}
	}))
	return numbers, texts
}

// allOf is CEL's &&: false if a part is false, else unknown if a part is unknown.
func allOf(parts []*reason) *reason {
	r := &reason{kind: allReason, parts: parts}
	if len(parts) == 2 {
		a, b := parts[0].holds, parts[1].holds
		r.holds = func(f *frame) truth {
			x := a(f)
			if x == no {
				return no
			}
			if y := b(f); y != yes {
				return y
			}
			return x
		}
		return r
	}
	r.holds = func(f *frame) truth {
		all := yes
		for _, part := range parts {
			switch part.holds(f) {
			case no:
				return no
			case unknown:
				all = unknown
			}
		}
		return all
	}
	return r
}

// anyOf is CEL's ||: true if a part is true, else unknown if a part is unknown.
func anyOf(parts []*reason) *reason {
	r := &reason{kind: anyReason, parts: parts}
	r.holds = func(f *frame) truth {
		found := no
		for _, part := range parts {
			switch part.holds(f) {
			case yes:
				return yes
			case unknown:
				found = unknown
			}
		}
		return found
	}
	return r
}

func notOf(part *reason) *reason {
	holds := part.holds
	return &reason{kind: notReason, parts: []*reason{part}, holds: func(f *frame) truth { return negated(holds(f)) }}
}

// decisive calls visit with the leaves that made the condition what it is, which is want.
func (r *reason) decisive(f *frame, want truth, visit func(*reason)) {
	if r.kind == leafReason {
		visit(r)
		return
	}
	for _, part := range r.parts {
		switch got := part.holds(f); {
		case r.kind == notReason:
			part.decisive(f, negated(want), visit)
		case got == want:
			part.decisive(f, want, visit)
		}
	}
}

// leaves calls visit with all leaves.
func (r *reason) leaves(visit func(*reason)) {
	if r.kind == leafReason {
		visit(r)
	}
	for _, part := range r.parts {
		part.leaves(visit)
	}
}
