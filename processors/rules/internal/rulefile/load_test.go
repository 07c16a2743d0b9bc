// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func load(texts ...string) (*Set, error) {
	var sources []Source
	for i, text := range texts {
		sources = append(sources, Source{Name: string(rune('a'+i)) + ".yaml", Text: []byte(text)})
	}
	return Load(sources)
}

// whole is a rule without anything that is not needed.
const whole = "rules:\n  - {name: r, description: d, severity: WARN, condition: a > 0}\n"

func TestLoadErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no YAML", "rules: [", "a.yaml:"},
		{"an unknown key of the file", "rule: []", `a.yaml:1: unknown key "rule" in file`},
		{"an unknown key of a rule", "rules:\n  - name: r\n    conditions: x\n", `a.yaml:3: unknown key "conditions" in rule`},
		{"an unknown key of a test", strings.Replace(whole, "a > 0", "a > 0, tests: [{names: x}]", 1), `unknown key "names" in test`},
		{"an unknown key of append", "rules:\n  - {name: r, append: {severity: x}}\n", `unknown key "severity" in append`},
		{"a key twice", "rules:\n  - {name: r, name: s}\n", "already"},
		{"two documents", whole + "---\n" + whole, "a.yaml: must be one YAML document"},
		{"an empty map", "{}", "has no lists, macros or rules"},
		{"a name", "rules: [{name: R-1}]", `a.yaml:1: rule "R-1": a name is lower case`},
		{"no name", "rules: [{condition: x}]", `rule "": a name`},
		{"a name twice", whole + "  - {name: r, description: d, severity: WARN, condition: b > 0}\n",
			"a.yaml:3: rule r: a.yaml:2 has a rule of this name; override: true replaces fields, append adds to it"},
		{"override of nothing", "rules: [{name: r, override: true, enabled: false}]", "there is none of this name before it"},
		{"append and fields", whole + "  - {name: r, append: {tags: [x]}, severity: INFO}\n", "beside append there is only the name"},
		{"append without an operator", whole + "  - {name: r, append: {condition: b > 0}}\n", `must be "and" or "or" and a condition`},
		{"append of an operator alone", whole + "  - {name: r, append: {condition: 'or '}}\n", `must be "and" or "or" and a condition`},
		{"append to a sequence", "rules:\n  - {name: r, description: d, severity: WARN, sequence: [a, b], within: 1m}\n  - {name: r, append: {condition: or x}}\n",
			"a sequence takes no condition"},
		{"no condition", "rules: [{name: r, description: d, severity: WARN}]", "has neither condition nor sequence"},
		{"both", "rules: [{name: r, description: d, severity: WARN, condition: x, sequence: [x, y], within: 1m}]", "exclude each other"},
		{"a sequence of one", "rules: [{name: r, description: d, severity: WARN, sequence: [x], within: 1m}]", "at least two conditions"},
		{"a sequence without within", "rules: [{name: r, description: d, severity: WARN, sequence: [x, y]}]", "a sequence needs within"},
		{"within without a sequence", strings.Replace(whole, "a > 0", "a > 0, within: 1m", 1), "within is for a sequence"},
		{"no severity", "rules: [{name: r, description: d, condition: x}]", "has no severity"},
		{"an unknown severity", "rules:\n  - name: r\n    severity: HIGH\n", "a.yaml:3: severity must be TRACE"},
		{"no description", "rules: [{name: r, severity: WARN, condition: x}]", "has no description"},
		{"an unknown scope", strings.Replace(whole, "a > 0", "a > 0, scope: host", 1), `scope must be node, pod, container or process, got "host"`},
		{"a number for a duration", strings.Replace(whole, "a > 0", "a > 0, for: 5", 1), `must be a duration with unit, such as 30s, got "5"`},
		{"a negative duration", strings.Replace(whole, "a > 0", "a > 0, for: -5s", 1), "must be a duration"},
		{"a list of mixed values", "lists: {l: [a, 1]}\n" + whole, "must hold texts or numbers, not both"},
		{"a list that is none", "lists: {l: a}\n" + whole, "must be a list of values"},
		{"the name of a list", "lists: {L: [a]}\n" + whole, `list "L": a name is lower case`},
		{"a condition that is no text", "rules:\n  - {name: r, condition: [x]}\n", "a.yaml:2: must be a text"},
		{"an exception without a name", strings.Replace(whole, "a > 0", "a > 0, exceptions: [{condition: x}]", 1), "an exception has a name and a condition"},
		{"a test without samples", strings.Replace(whole, "a > 0", "a > 0, tests: [{name: t, match: true}]", 1), `test "t" has no samples`},
		{"a test without a verdict", strings.Replace(whole, "a > 0", "a > 0, tests: [{name: t, samples: [{a: 1}]}]", 1), "does not say whether it is a match"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(tt.text)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestAllErrorsAreTold(t *testing.T) {
	_, err := load("rule: []\nlist: {}\n", "rules: [{name: X}]", whole)
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 3)
}

func TestFilesOfAPackDoNotRedefineEachOther(t *testing.T) {
	_, err := Load([]Source{
		{Name: "pack:a", Pack: true, Text: []byte("lists: {l: [a]}")}, {Name: "pack:b", Pack: true, Text: []byte("macros: {l: x}")},
	})
	require.ErrorContains(t, err, `pack:b:1: macro "l": the pack defines it at pack:a:1, too`)
	set, err := Load([]Source{
		{Name: "pack:a", Pack: true, Text: []byte("lists: {l: [a]}")}, {Name: "b", Text: []byte("lists: {l: [b, c]}")},
	})
	require.NoError(t, err)
	assert.Equal(t, []any{"b", "c"}, set.Lists["l"].Values)
}

func TestCommentsAloneAreAFile(t *testing.T) {
	_, err := load("# nothing yet\n")
	require.NoError(t, err)
}

func TestOverrideReplacesWhatItGives(t *testing.T) {
	set, err := load(strings.Replace(whole, "a > 0", "a > 0, tags: [x], tests: [{name: t, samples: [{}], match: true}]", 1),
		"rules: [{name: r, override: true, sequence: [a, b], within: 1m, enabled: false}]")
	require.NoError(t, err)
	r := set.Find("r")
	assert.Nil(t, r.Condition)
	assert.Len(t, r.Sequence, 2)
	assert.Empty(t, r.Tests, "they were tests of another condition")
	assert.Equal(t, []string{"x"}, r.Tags)
	assert.False(t, r.Enabled)
	assert.Equal(t, "WARN", r.Severity.String())
	set, err = load("rules: [{name: r, description: d, severity: WARN, sequence: [a, b], within: 1m}]",
		"rules: [{name: r, override: true, condition: c}]")
	require.NoError(t, err)
	assert.Nil(t, set.Find("r").Sequence)
}

func TestSeverities(t *testing.T) {
	for s := Severity(1); s <= 24; s++ {
		parsed, ok := ParseSeverity(s.String())
		assert.True(t, ok)
		assert.Equal(t, s, parsed)
	}
	assert.Equal(t, "ERROR3", Severity(19).String())
	for _, name := range []string{"", "WARN1", "WARN5", "warn", "WARNING"} {
		_, ok := ParseSeverity(name)
		assert.False(t, ok, name)
	}
}
