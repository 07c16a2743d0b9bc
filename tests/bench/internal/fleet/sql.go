// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"math"
	"strings"
)

// Expression makes up the values of a feature inside the server, for as many ticks as fit into memory.
type Expression struct {
	Column string
	// Array is an SQL expression of an array with a value for each tick. It needs the columns c (the number of the
	// container, its seed) and n (the number of ticks).
	Array string
}

// Expressions returns one expression for each feature. Their values behave like those of the generator, but are not
// the same: they are functions of container, tick and feature, so that they can be made in any order.
func Expressions() []Expression {
	var out []Expression
	features := Features()
	for _, m := range catalogue() {
		for range m.points() {
			number := len(out)
			out = append(out, Expression{Column: features[number].Name, Array: m.array(number)})
		}
	}
	return out
}

// array returns the values of the metric's feature with the given number.
func (m *metric) array(number int) string {
	quanta := m.sqlQuanta(number)
	if m.quantum.parts > 0 {
		return fmt.Sprintf("arrayMap(x -> x / %d., %s)", m.quantum.parts, quanta)
	}
	return fmt.Sprintf("arrayMap(x -> x * %d., %s)", m.quantum.multiple, quanta)
}

func (m *metric) sqlQuanta(number int) string {
	hash := fmt.Sprintf("cityHash64(c, i, %d)", number)
	scale := sqlScale(m.scale, number)
	perTick := func(value string) string { return fmt.Sprintf("arrayMap(i -> %s, range(n))", value) }
	switch m.behaviour {
	case zero:
		return perTick(fmt.Sprintf("toFloat64(%s %% %d = 0)", hash, int(1/rareChance)))
	case slow:
		rate := fmt.Sprintf("pow(%d, %s - 1)", slowestEvent, sqlUniform(fmt.Sprintf("cityHash64(c, 'rate', %d)", number)))
		size := fmt.Sprintf("ceil(-%s * log(%s + 1e-9))", scale, sqlUniform(fmt.Sprintf("cityHash64(i, c, %d)", number)))
		events := perTick(fmt.Sprintf("if(%s < %s, %s, 0.)", sqlUniform(hash), rate, size))
		if m.instrument == total {
			return "arrayCumSum(" + events + ")"
		}
		return events
	case level:
		change := fmt.Sprintf("if(%s %% %d = 0, if(bitAnd(%s, 4096) > 0, 1., -1.), 0.)", hash, int(1/levelChance), hash)
		return fmt.Sprintf("arrayMap(x -> abs(round(%s) + x), arrayCumSum(%s))", scale, perTick(change))
	case age:
		return perTick("toFloat64(cityHash64(c) % 2592000000 + i * 10000)")
	default:
		step := fmt.Sprintf("%s * %s * %v", scale, sqlNormal(hash), walkStep)
		return fmt.Sprintf("arrayMap(x -> round(abs(%s + x)), arrayCumSum(%s))", scale, perTick(step))
	}
}

// sqlScale draws the container's scale of a feature, as newSource does.
func sqlScale(middle float64, number int) string {
	spread := sqlNormal(fmt.Sprintf("cityHash64(c, 'scale', %d)", number))
	return fmt.Sprintf("greatest(1., %v * exp(%v * %s) * if(%s < %v, %v, 1.))",
		middle, scaleSpread, spread, sqlUniform("cityHash64(c, 'idle')"), idleShare, idleScale)
}

// sqlUniform returns a number from 0 to 1 out of a hash.
func sqlUniform(hash string) string { return fmt.Sprintf("(%s / 18446744073709551616.)", hash) }

// sqlNormal returns a number that is nearly normally distributed: the sum of the four parts of a hash.
func sqlNormal(hash string) string {
	var parts []string
	for shift := 0; shift < 64; shift += 16 {
		parts = append(parts, fmt.Sprintf("bitAnd(bitShiftRight(%s, %d), 65535)", hash, shift))
	}
	return fmt.Sprintf("((%s) / 65536. - 2) * %.6f", strings.Join(parts, " + "), math.Sqrt(3))
}
