// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/processors/rules/internal/engine"
	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

func defaultPack(t *testing.T) *Rules {
	r, err := Load(NewDefaultConfig()) // fails for names that are not unique and for techniques that are not known
	require.NoError(t, err)
	return r
}

func TestAllTestsOfThePackPass(t *testing.T) {
	for _, v := range defaultPack(t).Test() {
		assert.Truef(t, v.Passed, "%s: %s: %s: %s", v.Place, v.Rule, v.Test, v.String())
	}
}

func TestRulesOfThePackAreWhole(t *testing.T) {
	rules := defaultPack(t).program.Rules
	assert.GreaterOrEqual(t, len(rules), 80)
	for _, r := range rules {
		assert.NotEmpty(t, r.FalsePositives, r.Name)
		assert.NotEmpty(t, r.Techniques, r.Name)
		assert.Truef(t, r.Enabled, "%s is not enabled", r.Name)
		assert.Truef(t, r.Lowered, "%s has a condition that only CEL can evaluate", r.Name)
		for _, match := range []bool{true, false} {
			assert.Truef(t, slices.ContainsFunc(r.Tests, func(of rulefile.Test) bool { return of.Match == match }),
				"%s has no test with match: %v", r.Name, match)
		}
	}
}

// A test that a rule does not fire is worth nothing if something that the rule needs is missing.
func TestVerdictsOfThePackAreToldFromWholeSamples(t *testing.T) {
	for _, v := range defaultPack(t).Test() {
		missing := slices.DeleteFunc(v.Missing, func(name string) bool { return strings.HasPrefix(name, "zscore_peers(") })
		assert.Emptyf(t, missing, "%s: %s: %s", v.Place, v.Rule, v.Test)
	}
}

func TestEachExceptionOfThePackIsTested(t *testing.T) {
	cfg := NewDefaultConfig()
	sources, err := read(cfg)
	require.NoError(t, err)
	set, err := rulefile.Load(sources)
	require.NoError(t, err)
	vocabulary, err := engine.NewVocabulary(featureList, nil)
	require.NoError(t, err)
	for _, r := range set.Rules {
		for i, exception := range r.Exceptions {
			without := *r
			without.Exceptions = slices.Delete(slices.Clone(r.Exceptions), i, i+1)
			p, err := engine.Compile(&rulefile.Set{Lists: set.Lists, Macros: set.Macros, Rules: []*rulefile.Rule{&without}}, vocabulary)
			require.NoError(t, err)
			assert.Truef(t, slices.ContainsFunc(p.Test(p.Rules[0]), func(v engine.Verdict) bool { return !v.Passed }),
				"%s: no test fails without exception %s", r.Name, exception.Name)
		}
	}
}

func TestEachFileOfThePackHasRulesOrWhatTheyShare(t *testing.T) {
	names, err := fs.Glob(packs, "packs/*.yaml")
	require.NoError(t, err)
	for _, name := range names {
		text, err := packs.ReadFile(name)
		require.NoError(t, err)
		set, err := rulefile.Load([]rulefile.Source{{Name: name, Pack: true, Text: text}})
		require.NoError(t, err)
		if name == "packs/common.yaml" {
			assert.Empty(t, set.Rules)
			assert.NotEmpty(t, set.Macros)
			continue
		}
		assert.NotEmpty(t, set.Rules, name)
		assert.Empty(t, set.Macros, name)
		assert.Empty(t, set.Lists, name)
	}
}

// Only containers have a cgroup: a rule for nodes or processes that asks for it would never be excepted by it.
func TestRulesOfThePackAreAboutOneKindOfEntity(t *testing.T) {
	r := defaultPack(t)
	for _, rule := range r.program.Rules {
		assert.Len(t, rule.Scopes, 1, rule.Name)
		if _, texts := r.program.Uses(rule); rule.Scopes[0] != entity.Container {
			assert.NotContains(t, texts, "cgroup", rule.Name)
		}
	}
}
