// SPDX-License-Identifier: Apache-2.0

package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/lab/runner"
	"github.com/nodesec/nodesec/lab/scenario"
	"github.com/nodesec/nodesec/lab/scenarios"
)

func TestScenariosCanBeRun(t *testing.T) {
	all, err := scenarios.All()
	require.NoError(t, err)
	attacks, others, techniques := 0, 0, map[string]bool{}
	for _, s := range all {
		require.NoError(t, runner.Check(s))
		if s.Label != scenario.Attack {
			others++
			for _, step := range s.Steps {
				assert.NotEqual(t, scenario.Attack, step.Label, "%s: an attack in a scenario that is none", s.Name)
			}
			continue
		}
		attacks++
		for _, id := range s.Techniques() {
			techniques[id] = true
		}
	}
	assert.GreaterOrEqual(t, attacks, 30)
	assert.GreaterOrEqual(t, others, 15)
	assert.GreaterOrEqual(t, len(techniques), 12)
}

func TestUnknownActionsAndParametersAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"{action: fly}":                              `scenario s-s: steps[0]: there is no action "fly"`,
		"{action: rest, params: {hours: 1}}":         `there is no parameter "hours"`,
		"{action: rest, params: {seconds: 1..9999}}": `rest: seconds: must be a number from 1 to 3600, got "9999"`,
	} {
		s, err := scenario.Parse("s-s", []byte("description: d\nlabel: benign\nactors: [{name: aa}]\nsteps: ["+text+"]\n"))
		require.NoError(t, err)
		assert.ErrorContains(t, runner.Check(s), want)
	}
}
