// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Param is the value of a parameter: one text, a choice of several, or a range of whole numbers.
type Param struct {
	values   []string
	from, to int // a range where from < to
}

// UnmarshalYAML reads a scalar, a list of scalars, or a text like 10..50.
func (p *Param) UnmarshalYAML(node *yaml.Node) error {
	switch node.Kind {
	case yaml.ScalarNode:
		p.values = []string{node.Value}
		return p.parseRange(node.Value)
	case yaml.SequenceNode:
		if len(node.Content) == 0 {
			return fmt.Errorf("line %d: a choice must have at least one value", node.Line)
		}
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: a choice must be of texts and numbers", item.Line)
			}
			p.values = append(p.values, item.Value)
		}
		return nil
	default:
		return fmt.Errorf("line %d: must be a text, a number, a range like 10..50, or a list of these", node.Line)
	}
}

// parseRange sees whether a text is a range.
func (p *Param) parseRange(text string) error {
	low, high, found := strings.Cut(text, "..")
	if !found {
		return nil
	}
	from, err1 := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	if isText := err1 != nil || err2 != nil; isText { // a path such as ../x
		return nil
	}
	if from >= to {
		return fmt.Errorf("a range must end above its start, got %s", text)
	}
	p.from, p.to = from, to
	return nil
}

// choose takes one of the values.
func (p Param) choose(random *rand.Rand) string {
	if p.from < p.to {
		return strconv.Itoa(p.from + random.IntN(p.to-p.from+1))
	}
	return p.values[random.IntN(len(p.values))]
}

// Values are all values that the parameter can have, of a range its two ends.
func (p Param) Values() []string {
	if p.from < p.to {
		return []string{strconv.Itoa(p.from), strconv.Itoa(p.to)}
	}
	return p.values
}

// least and most are the ends of what the parameter can be as a number; 0 where it is none.
func (p Param) least() int { return p.number(0) }
func (p Param) most() int  { return p.number(1) }

func (p Param) number(end int) int {
	if p.from < p.to {
		return []int{p.from, p.to}[end]
	}
	if len(p.values) != 1 {
		return 0
	}
	n, _ := strconv.Atoi(p.values[0])
	return n
}

// String is the parameter as it is written in YAML.
func (p Param) String() string {
	if p.from < p.to {
		return fmt.Sprintf("%d..%d", p.from, p.to)
	}
	if len(p.values) == 1 {
		return p.values[0]
	}
	return "[" + strings.Join(p.values, ", ") + "]"
}
