// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

func TestCompileErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown feature is told with place and the nearest names", rule("condition: a > 0 && exec_shel > 0"),
			"a.yaml:2: rule r: condition 1:10: unknown feature or name exec_shel; did you mean exec_shell"},
		{"a name that is like none has no suggestion", rule("condition: zzzzzzzz > 0"),
			"a.yaml:2: rule r: condition 1:1: unknown feature or name zzzzzzzz"},
		{"an unknown function", rule("condition: avgs(a) > 0"), "1:5: unknown function avgs; did you mean avg"},
		{"types that do not fit", rule("condition: a > 'x'"),
			"a.yaml:2: rule r: condition 1:3: found no matching overload for > applied to '(double, string)'"},
		{"what is no bool", rule("condition: a + 1"), "rule r: condition: must be true or false, is a double"},
		{"a text as a condition", rule("condition: namespace"), "must be true or false, is a string"},
		{"syntax", rule("condition: 'a >'"), "a.yaml:2: rule r: condition 1:4: Syntax error"},
		{"a feature of another scope", rule("condition: only_node > 0"),
			"condition 1:1: only_node is a feature of node, the rule is for container; where it may be missing, ask has(only_node)"},
		{"a scope of several that lacks the feature", rule("scope: [node, container], condition: exec_shell > 0"),
			"exec_shell is a feature of container, the rule is for node"},
		{"the rate of a gauge", rule("condition: rate(c) > 0"), "rate takes a counter, c is a gauge"},
		{"a window that is none", rule(`condition: 'sum(a, "x") > 0'`), `must be a duration of 1s to 24h as a text, such as "5m"`},
		{"a function without its window", rule("condition: sum(a) > 0"), `sum is used as sum(x, "5m")`},
		{"a function of an expression", rule("condition: prev(a + b) > 0"), "prev takes a feature, not an expression"},
		{"has of an expression", rule("condition: has(a > 0)"), "has takes a feature or a function of the past"},
		{"attributes by themselves", rule("condition: size(attributes) > 0"), "attributes is used with the name of an attribute"},
		{"an unknown name in an exception", rule("condition: a > 0, exceptions: [{name: e, condition: 'podd == \"\"'}]"),
			"rule r: exception e 1:1: unknown feature or name podd; did you mean pod"},
		{"a step of a sequence", rule("sequence: [a > 0, x1 > 0], within: 1m"), "rule r: sequence[1] 1:1: unknown"},
		{"a macro that is wrong is told once", "macros: {m: nope1 > 0}\n" + rule("condition: m && m"),
			"a.yaml:1: macro m 1:1: unknown feature or name nope1"},
		{"a macro that uses itself", "macros: {m: n, n: m}\n" + rule("condition: m"), "uses itself"},
		{"macros that grow without bounds", "macros: {m0: a > 0, m1: m0&&m0&&m0&&m0, m2: m1&&m1&&m1&&m1, m3: m2&&m2&&m2&&m2, m4: m3&&m3&&m3&&m3, m5: m4&&m4&&m4&&m4}\n" +
			rule("condition: m5"), "macros are used more than 1000 times"},
		{"a place in what is appended", rule("condition: a > 0") + "  - {name: r, append: {condition: or nope1 > 0}}\n",
			"a.yaml:3: rule r: append.condition 1:4: unknown feature or name nope1"},
		{"a macro that hides a feature", "macros: {a: b > 0}\n" + rule("condition: a"), "macro a: conditions have another meaning for this name"},
		{"a list that hides a name", "lists: {image: [x]}\n" + rule("condition: a > 0"), "list image: conditions have another meaning"},
		{"an unknown name in a test", rule("condition: a > 0, tests: [{name: t, samples: [{exec_shel: 1}], match: true}]"),
			`rule r: test "t": sample 1: unknown feature or name exec_shel; did you mean exec_shell`},
		{"a value in a test that is no number", rule("condition: a > 0, tests: [{name: t, samples: [{a: x}], match: true}]"),
			"a must be a number, got x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := rulefile.Load(sourcesOf(tt.text))
			require.NoError(t, err)
			_, err = Compile(set, vocabulary(t))
			require.ErrorContains(t, err, tt.want)
			if tt.name == "a macro that is wrong is told once" {
				assert.NotContains(t, err.Error(), "\n")
			}
		})
	}
}

func TestConditionsThatCompile(t *testing.T) {
	for _, tt := range []struct {
		condition string
		lowered   bool
	}{
		{"a > 0", true},
		{"a == 1 && b != 2 || !(c <= 3.5)", true},
		{"(a + b) * 2 - -c > a / b", true},
		{"namespace == 'shop' && !(image in trusted)", true},
		{"a in [1, 2, 3]", true},
		{"image.startsWith('x') || pod.endsWith('y') || command.contains('namespace')", true},
		{"command.matches('^n.*e$')", true},
		{"attributes['team'] == 'x' && attributes.other != ''", true},
		{"has(only_node) && only_node > 0", true},
		{"has(a) ? a > 1 : b > 1", true},
		{"(has(a) ? a : 0) > 1", true},
		{"first_seen(a) && first_seen(exe, '1m')", true},
		{"prev(a) < a && rate(a) > 0.5 && zscore(a) > 3 && zscore_peers(c) > 3", true},
		{"sum(a, '5m') > 1 && avg(a, '300s') > 1 && max(a, '1h') > 1", true},
		{"kubelet_x > 0 && syscall_calls_openat > 3", true},
		{"size(command) > 100", true},
		{"scope == 'container'", true},
		{"trusted.exists(p, image.startsWith(p))", false},
		{"size(trusted) == 2", false},
		{"string(a) == '1'", false},
	} {
		t.Run(tt.condition, func(t *testing.T) {
			p := program(t, "lists: {trusted: [x, y]}\nrules:\n  - name: r\n    description: d\n    severity: WARN\n    condition: |\n      "+tt.condition+"\n")
			assert.Equal(t, tt.lowered, p.Rules[0].Lowered)
		})
	}
}

func TestLaterFilesChangeRules(t *testing.T) {
	first := "lists: {l: [x]}\n" + rule("condition: a > 0 && !(image in l), techniques: [T1059]")
	p := program(t, first,
		"lists: {l: [y]}\nrules:\n  - {name: r, override: true, severity: ERROR, for: 10s}\n",
		"rules:\n  - {name: r, append: {condition: or b > 5, techniques: [T1046], exceptions: [{name: e, condition: c > 1}]}}\n")
	r := p.Rules[0]
	assert.Equal(t, "ERROR", r.Severity.String())
	assert.Equal(t, []string{"T1059", "T1046"}, r.Techniques)
	assert.Equal(t, []string{"a.yaml:3", "b.yaml:3", "c.yaml:2"}, r.Origins)
	w := newWorld(p)
	w.sample(map[string]float64{"b": 6})
	assert.Equal(t, []string{"r"}, w.sample(map[string]float64{"b": 6}))
	assert.Empty(t, w.sample(map[string]float64{"b": 6, "c": 2}))
}

func TestPlaceInALongCondition(t *testing.T) {
	set := setOfText(t, "rules:\n  - name: r\n    description: d\n    severity: WARN\n    condition: |\n      a > 0\n        && nope1 > 0\n")
	_, err := Compile(set, vocabulary(t))
	assert.ErrorContains(t, err, "a.yaml:7: rule r: condition 2:6: unknown feature or name nope1")
}

func TestReservedWordIsAliasedOutsideOfTexts(t *testing.T) {
	for text, want := range map[string]string{
		`namespace == "namespace"`:              `Namespace == "namespace"`,
		`r"\namespace" == namespace`:            `r"\namespace" == Namespace`,
		`'''a'namespace''' + namespace`:         `'''a'namespace''' + Namespace`,
		"a_namespace > namespaces // namespace": "a_namespace > namespaces // namespace",
		`"\"namespace" == namespace`:            `"\"namespace" == Namespace`,
		`"namespace`:                            `"namespace`,
	} {
		assert.Equal(t, want, aliased(text))
	}
}
