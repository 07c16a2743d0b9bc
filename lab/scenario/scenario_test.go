// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const webShell = `
description: A shell through a vulnerable page, then a look around.
label: attack
actors:
  - {name: web, cpu: 0.5}
background:
  - action: serve
steps:
  - {name: exploit, technique: T1190, action: exploit, params: {command: [id, whoami], times: 2..5}, after: 1s, jitter: 2s}
  - {name: look, technique: T1082, action: discover, repeat: 1..3, timeout: 5s}
  - {name: health, label: benign, action: get}
`

func TestParseFillsDefaults(t *testing.T) {
	s, err := Parse("web-shell", []byte(webShell))
	require.NoError(t, err)
	assert.Equal(t, Actor{Name: "web", Role: "victim", CPU: 0.5, Memory: 256, PIDs: 256}, s.Actors[0])
	assert.Equal(t, "web", s.Background[0].Actor)
	assert.Equal(t, "web", s.Steps[0].Actor)
	assert.Equal(t, Attack, s.Steps[0].Label)
	assert.Equal(t, Benign, s.Steps[2].Label)
	assert.Equal(t, 30*time.Second, s.Steps[0].Timeout)
	assert.Equal(t, 5*time.Second, s.Steps[1].Timeout)
	assert.Equal(t, 3*time.Second, s.Lead)
	assert.Equal(t, []string{"T1190", "T1082"}, s.Techniques())
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":       {webShell + "actor: x\n", "field actor not found"},
		"no steps":          {"description: d\nlabel: benign\nactors: [{name: web}]\n", "actors and steps: must be at least one each, got 1 and 0"},
		"unknown actor":     {webShell + "  - {name: a-b, label: benign, action: get, actor: db}\n", "steps[3].actor: must be one of the actors, got db"},
		"attack untold":     {webShell + "  - {name: a-b, action: get}\n", `steps[3].technique: must be an id of ATT&CK such as T1059.004, got ""`},
		"label":             {webShell + "  - {name: a-b, label: evil, action: get}\n", "steps[3].label: must be attack, benign, overload or admin, got evil"},
		"range":             {webShell + "  - {name: a-b, label: benign, action: get, repeat: 5..2}\n", "a range must end above its start, got 5..2"},
		"repeat":            {webShell + "  - {name: a-b, label: benign, action: get, repeat: 0..2}\n", "steps[3].repeat: must be 1 to 100"},
		"repeat, no number": {webShell + "  - {name: a-b, label: benign, action: get, repeat: often}\n", "steps[3].repeat: must be 1 to 100"},
		"timeout":           {webShell + "  - {name: a-b, label: benign, action: get, timeout: 1h}\n", "steps[3].timeout: must be at most 10m0s, got 1h0m0s"},
		"too much memory":   {"description: d\nlabel: benign\nactors: [{name: aa, memory: 9000}]\nsteps: [{action: get}]\n", "actors[0].memory: must be 8 to 1024 MiB, got 9000"},
		"same name":         {"description: d\nlabel: benign\nactors: [{name: aa}, {name: aa}]\nsteps: [{action: get, actor: aa}]\n", "actors[1].name: must be a name that no other actor has, got aa"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("web-shell", []byte(c.text))
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "scenario web-shell: ")
		})
	}
	_, err := Parse("../etc", []byte(webShell))
	assert.ErrorContains(t, err, "file name: must be letters, digits and hyphens, got ../etc")
}

func TestPlanIsDecidedByTheSeed(t *testing.T) {
	s, err := Parse("web-shell", []byte(webShell))
	require.NoError(t, err)
	assert.Equal(t, s.Plan(7), s.Plan(7))
	commands, times, repeats := map[string]bool{}, map[string]bool{}, map[int]bool{}
	for seed := range uint64(200) {
		plan := s.Plan(seed)
		commands[plan.Steps[0].Params["command"]] = true
		times[plan.Steps[0].Params["times"]] = true
		repeats[len(plan.Steps)] = true
		assert.GreaterOrEqual(t, plan.Steps[0].Wait, time.Second)
		assert.Less(t, plan.Steps[0].Wait, 3*time.Second)
	}
	assert.Equal(t, map[string]bool{"id": true, "whoami": true}, commands)
	assert.Equal(t, map[string]bool{"2": true, "3": true, "4": true, "5": true}, times)
	assert.Equal(t, map[int]bool{3: true, 4: true, 5: true}, repeats)
	other := *s
	other.Name = "web-shell-two"
	assert.NotEqual(t, s.Plan(7).Steps[0].Seed, other.Plan(7).Steps[0].Seed, "scenarios of one seed differ")
}

func TestParam(t *testing.T) {
	s, err := Parse("web-shell", []byte(`
description: d
label: benign
actors: [{name: aa}]
steps: [{action: get, params: {a: ../x, b: "1..3", c: [x, 5], d: 7}}]
`))
	require.NoError(t, err)
	params := s.Steps[0].Params
	assert.Equal(t, []string{"../x"}, params["a"].Values())
	assert.Equal(t, []string{"1", "3"}, params["b"].Values())
	assert.Equal(t, []string{"x", "5"}, params["c"].Values())
	assert.Equal(t, "7", params["d"].String())
	assert.Equal(t, "1..3", params["b"].String())
	assert.Equal(t, "[x, 5]", params["c"].String())
}
