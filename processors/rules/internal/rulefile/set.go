// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"time"

	"github.com/nodesec/nodesec/internal/entity"
)

// Set is what all rule files say together.
type Set struct {
	Lists  map[string]List
	Macros map[string]Text
	// Rules are in the order of the files.
	Rules []*Rule
}

// List is a list of texts or of numbers (float64).
type List struct {
	Values []any
	Place  string
}

// Rule is a rule as all files say it together.
type Rule struct {
	Name, Description, FalsePositives string

	Scopes []entity.Scope
	// Condition is empty if there is a Sequence.
	Condition []Part
	Sequence  []Text
	Within    time.Duration

	Severity           Severity
	Techniques, Tags   []string
	For, KeepFiringFor time.Duration
	Exceptions         []Exception
	Enabled            bool
	Tests              []Test
	// Origins are the places that say something of the rule, the first one where it is made.
	Origins []string
}

// Part is a part of a condition: the first one, or what a later file appends with "and" or "or".
type Part struct {
	Or   bool
	Text Text
}

// Exception says where a rule does not apply.
type Exception struct {
	Name      string
	Condition Text
}

// Test is samples of one entity, one tick each, and whether the rule fires at the last one.
type Test struct {
	Name, Place string
	Interval    time.Duration
	Samples     []map[string]any
	Match       bool
}

// Find returns the rule of the name, nil if there is none.
func (s *Set) Find(name string) *Rule {
	for _, r := range s.Rules {
		if r.Name == name {
			return r
		}
	}
	return nil
}
