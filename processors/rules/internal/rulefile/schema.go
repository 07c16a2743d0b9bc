// SPDX-License-Identifier: Apache-2.0

// Package rulefile reads rule files and merges them into one set of rules. It knows the words of the files, not the
// language of the conditions.
package rulefile

import (
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// file is a rule file as it is written.
type file struct {
	Lists  map[string]list `yaml:"lists"`
	Macros map[string]Text `yaml:"macros"`
	Rules  []rule          `yaml:"rules"`
}

// rule is a rule as it is written: what is not given is nil, so that it does not replace what an earlier file says.
type rule struct {
	Name           Text        `yaml:"name"`
	Description    *string     `yaml:"description"`
	Scope          *scopes     `yaml:"scope"`
	Condition      *Text       `yaml:"condition"`
	Sequence       []Text      `yaml:"sequence"`
	Within         *duration   `yaml:"within"`
	Severity       *severity   `yaml:"severity"`
	Techniques     []Text      `yaml:"techniques"`
	For            *duration   `yaml:"for"`
	KeepFiringFor  *duration   `yaml:"keep_firing_for"`
	Exceptions     []exception `yaml:"exceptions"`
	Enabled        *bool       `yaml:"enabled"`
	Tags           []string    `yaml:"tags"`
	FalsePositives *string     `yaml:"false_positives"`
	Override       bool        `yaml:"override"`
	Append         *addition   `yaml:"append"`
	Tests          []test      `yaml:"tests"`
}

type exception struct {
	Name      string `yaml:"name"`
	Condition Text   `yaml:"condition"`
}

// addition is what a later file adds to a rule.
type addition struct {
	Condition  *Text       `yaml:"condition"`
	Exceptions []exception `yaml:"exceptions"`
	Techniques []Text      `yaml:"techniques"`
	Tags       []string    `yaml:"tags"`
	Tests      []test      `yaml:"tests"`
}

type test struct {
	Name     Text             `yaml:"name"`
	Interval *duration        `yaml:"interval"`
	Samples  []map[string]any `yaml:"samples"`
	Match    *bool            `yaml:"match"`
}

// Text is a text of a rule file and where it is.
type Text struct {
	Value string
	// File and Line tell where it is; Line counts from 1.
	File string
	Line int
}

// Place tells where the text is.
func (t *Text) Place() string { return fmt.Sprintf("%s:%d", t.File, t.Line) }

// UnmarshalYAML takes a text.
func (t *Text) UnmarshalYAML(node *yaml.Node) error {
	node = resolved(node)
	if node.Kind != yaml.ScalarNode || node.Tag != "!!str" && node.Tag != "!!bool" {
		return fmt.Errorf("line %d: must be a text", node.Line)
	}
	t.Value, t.Line = node.Value, node.Line
	if node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		t.Line++ // the text begins below its mark
	}
	return nil
}

// list is a list of texts or of numbers.
type list struct {
	values []any
	line   int
}

// UnmarshalYAML takes texts or numbers.
func (l *list) UnmarshalYAML(node *yaml.Node) error {
	node = resolved(node)
	if node.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: must be a list of values", node.Line)
	}
	l.line = node.Line
	texts := 0
	for _, item := range node.Content {
		var number float64
		item = resolved(item)
		switch {
		case item.Kind != yaml.ScalarNode || item.Tag == "!!null":
			return fmt.Errorf("line %d: must be a text or a number", item.Line)
		case item.Tag == "!!int" || item.Tag == "!!float":
			if err := item.Decode(&number); err != nil {
				return err
			}
			l.values = append(l.values, number)
		default:
			texts++
			l.values = append(l.values, item.Value)
		}
	}
	if texts > 0 && texts < len(l.values) {
		return fmt.Errorf("line %d: must hold texts or numbers, not both", node.Line)
	}
	return nil
}

// scopes is a scope or a list of them.
type scopes struct {
	names []string
	line  int
}

// UnmarshalYAML takes a name or a list of names.
func (s *scopes) UnmarshalYAML(node *yaml.Node) error {
	node = resolved(node)
	s.line = node.Line
	if node.Kind == yaml.ScalarNode {
		s.names = []string{node.Value}
		return nil
	}
	return node.Decode(&s.names)
}

// duration is a length of time with its unit.
type duration time.Duration

// UnmarshalYAML takes a text such as 5m.
func (d *duration) UnmarshalYAML(node *yaml.Node) error {
	node = resolved(node)
	parsed, err := time.ParseDuration(node.Value)
	if err != nil || parsed < 0 {
		return fmt.Errorf("line %d: must be a duration with unit, such as 30s, got %q", node.Line, node.Value)
	}
	*d = duration(parsed)
	return nil
}

// severity is a severity number of OpenTelemetry.
type severity Severity

// UnmarshalYAML takes a short name.
func (s *severity) UnmarshalYAML(node *yaml.Node) error {
	node = resolved(node)
	parsed, ok := ParseSeverity(node.Value)
	if !ok {
		return fmt.Errorf("line %d: severity must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL, with 2, 3 or 4 behind it or not, got %q",
			node.Line, node.Value)
	}
	*s = severity(parsed)
	return nil
}

func resolved(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

var errEmptyFile = errors.New("has no lists, macros or rules")
