// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/entity"
)

func TestThreeValuedLogic(t *testing.T) {
	// a is 1, b is 0, c is missing.
	for condition, want := range map[string]truth{
		"a > 0": yes, "b > 0": no, "c > 0": unknown, "!(c > 0)": unknown, "c == c": unknown, "c != 1": unknown,
		"c in [1]": unknown, "c + a > 0": unknown, "-c < 5": unknown,
		"b > 0 && c > 0": no, "c > 0 && b > 0": no, "a > 0 && c > 0": unknown, "c > 0 && a > 0": unknown,
		"a > 0 || c > 0": yes, "c > 0 || a > 0": yes, "b > 0 || c > 0": unknown, "c > 0 || b > 0": unknown,
		"!(b > 0 && c > 0)": yes, "!(a > 0 || c > 0)": no,
		"has(c)": no, "has(a)": yes, "has(c) && c > 0": no, "!has(c) || c > 0": yes,
		"has(c) ? c > 0 : a > 0": yes, "(has(c) ? c : 7) == 7": yes, "c > 0 ? true : true": unknown,
		"a / b > 0": unknown, "b / b > 0": unknown, "(a > 0) == (c > 0)": unknown, "(a > 0) != (b > 0)": yes,
		"a > 0 && a > 0 && c > 0 && b > 0": no, "c > 0 || c > 0 || b > 0 || a > 0": yes,
		"namespace == ''": yes, "image in ['x']": no, "attributes['x'] == ''": yes,
		"prev(c) > 0": unknown, "first_seen(c)": unknown, "prev(a) > 0 || a > 0": yes,
	} {
		set := setOfText(t, rule("condition: '"+strings.ReplaceAll(condition, "'", "''")+"'"))
		for _, stock := range []bool{false, true} {
			p, err := compile(set, vocabulary(t), stock)
			require.NoError(t, err)
			require.Equal(t, !stock, p.Rules[0].Lowered, condition)
			w := newWorld(p)
			fired := w.sample(map[string]float64{"a": 1, "b": 0})
			assert.Equal(t, want == yes, len(fired) == 1, condition)
			assert.Equal(t, want == unknown, w.Counts.NotEvaluable[0] == 1, "%s by CEL: %v", condition, stock)
			assert.Zero(t, w.Counts.Errors[0], condition)
		}
	}
}

func TestErrorsAreCountedAndNotEvaluable(t *testing.T) {
	w := newWorld(program(t, rule(`condition: 'int(image) > 0.0'`)))
	assert.Empty(t, w.of(&entity.Identity{Scope: entity.Container, ImageName: "x"}, nil))
	assert.EqualValues(t, 1, w.Counts.Errors[0])
	assert.EqualValues(t, 1, w.Counts.NotEvaluable[0])
}

// generator writes conditions at random.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) condition(depth int) string {
	if depth == 0 {
		return "(" + g.pick("has(a)", "has(prev(b))", "first_seen(c)", "image == 'x'", "pod != 'y'", "image in ['x', 'z']", "true", "false",
			"image.startsWith('x')", "command.contains(image)", "pod.matches('^y+$')", "a in [0, 1, 2.5]", "size(pod) > 1", "pod < image") + ")"
	}
	switch g.IntN(8) {
	case 0, 1:
		return "(" + g.condition(depth-1) + " && " + g.condition(depth-1) + ")"
	case 2, 3:
		return "(" + g.condition(depth-1) + " || " + g.condition(depth-1) + ")"
	case 4:
		return "!(" + g.condition(depth-1) + ")"
	case 5:
		return "(" + g.condition(depth-1) + " ? " + g.condition(depth-1) + " : " + g.condition(depth-1) + ")"
	case 6:
		return "(" + g.condition(depth-1) + g.pick(" == ", " != ") + g.condition(depth-1) + ")"
	}
	return "(" + g.number(depth-1) + g.pick(" < ", " <= ", " > ", " >= ", " == ", " != ") + g.number(depth-1) + ")"
}

func (g generator) number(depth int) string {
	if depth == 0 {
		return g.pick("a", "b", "c", "0", "1", "-2", "2.5", "prev(a)", "sum(b, '1m')", "rate(a)", "double(size(image))")
	}
	if g.IntN(6) == 0 {
		return "(" + g.condition(depth-1) + " ? " + g.number(depth-1) + " : " + g.number(depth-1) + ")"
	}
	return "(" + g.number(depth-1) + g.pick(" + ", " - ", " * ", " / ") + g.number(depth-1) + ")"
}

// checkAgreement compares closures with CEL on one random condition and some samples.
func checkAgreement(t *testing.T, seed uint64) {
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	condition := g.condition(1 + g.IntN(4))
	set := setOfText(t, rule(fmt.Sprintf("condition: %q", condition)))
	lowered, err := compile(set, vocabulary(t), false)
	require.NoError(t, err, condition)
	require.True(t, lowered.Rules[0].Lowered, condition)
	stock, err := compile(set, vocabulary(t), true)
	require.NoError(t, err, condition)
	a, b := newWorld(lowered), newWorld(stock)
	for range 8 {
		id := &entity.Identity{
			Scope: entity.Container, Hash: 1, ImageName: g.pick("", "x", "xx", "z"), Pod: g.pick("", "y", "yyy"), CommandLine: g.pick("", "axx"),
		}
		values := map[string]float64{}
		for _, name := range []string{"a", "b", "c"} {
			if v := g.IntN(6); v < 4 {
				values[name] = []float64{0, 1, 2.5, -3}[v]
			} else if v == 4 {
				values[name] = math.Inf(1) // counts as missing
			}
		}
		a.at = a.at.Add(10e9)
		b.at = a.at
		require.Equal(t, b.of(id, values), a.of(id, values), "%s with %v", condition, values)
		require.Equal(t, b.Counts.NotEvaluable, a.Counts.NotEvaluable, "%s with %v", condition, values)
		require.Zero(t, b.Counts.Errors[0], condition)
	}
}

func TestClosuresAgreeWithCEL(t *testing.T) {
	for seed := range uint64(400) {
		checkAgreement(t, seed)
	}
}

func FuzzClosuresAgreeWithCEL(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkAgreement)
}
