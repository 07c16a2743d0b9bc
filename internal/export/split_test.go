// SPDX-License-Identifier: Apache-2.0

package export

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/dataset"
)

func someGroups(scenarios, runs int) []group {
	var groups []group
	for s := range scenarios {
		for r := range runs {
			groups = append(groups, group{
				Key: fmt.Sprintf("s%d-run%d", s, r), Stratum: fmt.Sprintf("s%d", s), First: int64(r*1000 + s),
				Techniques: []string{fmt.Sprintf("T%d", 1000+s)},
			})
		}
	}
	return groups
}

func options(split string) *Options {
	o := DefaultOptions()
	o.Split = split
	return &o
}

func count(splits map[string]string) map[string]int {
	n := map[string]int{}
	for _, s := range splits {
		n[s]++
	}
	return n
}

func TestRunsOfEachScenarioAreSpread(t *testing.T) {
	for runs := 3; runs < 12; runs++ {
		splits, err := assign(someGroups(5, runs), options("run"))
		require.NoError(t, err)
		assert.Len(t, splits, 5*runs)
		for s := range 5 {
			of := map[string]int{}
			for r := range runs {
				of[splits[fmt.Sprintf("s%d-run%d", s, r)]]++
			}
			for _, split := range []string{train, validation, test} {
				assert.Positive(t, of[split], "%d runs of s%d: %v", runs, s, of)
			}
			assert.InDelta(t, 0.6*float64(runs), of[train], 1)
		}
	}
}

func TestSeedsDecide(t *testing.T) {
	one, err := assign(someGroups(5, 5), options("run"))
	require.NoError(t, err)
	again, err := assign(someGroups(5, 5), options("run"))
	require.NoError(t, err)
	assert.Equal(t, one, again)
	other := options("run")
	other.Seed = 2
	two, err := assign(someGroups(5, 5), other)
	require.NoError(t, err)
	assert.NotEqual(t, one, two)
	assert.Equal(t, count(one), count(two))
}

func TestHeldOutTechniquesAreInTestAlone(t *testing.T) {
	groups := append(someGroups(6, 4), group{Key: "quiet-1", Stratum: "quiet"}, group{Key: "quiet-2", Stratum: "quiet"}, group{Key: "quiet-3", Stratum: "quiet"})
	o := options("technique")
	o.Holdout = []string{"T1002", "T1003"}
	splits, err := assign(groups, o)
	require.NoError(t, err)
	for _, g := range groups {
		switch g.Stratum {
		case "s2", "s3":
			assert.Equal(t, test, splits[g.Key])
		case "quiet":
		default:
			assert.NotEqual(t, test, splits[g.Key])
		}
	}
	assert.ElementsMatch(t, []string{train, validation, test}, []string{splits["quiet-1"], splits["quiet-2"], splits["quiet-3"]})

	o.Holdout = []string{"T9999"}
	_, err = assign(groups, o)
	assert.ErrorContains(t, err, "no attack in the data is of technique T9999")

	o.Holdout = nil
	splits, err = assign(groups, o)
	require.NoError(t, err)
	assert.Equal(t, 2*4+1, count(splits)[test], "a third of six techniques, and one quiet run")
}

func TestByTimeTheLatestAreTest(t *testing.T) {
	splits, err := assign(someGroups(1, 10), options("time"))
	require.NoError(t, err)
	for r := range 10 {
		want := train
		if r >= 6 {
			want = validation
		}
		if r >= 8 {
			want = test
		}
		assert.Equal(t, want, splits[fmt.Sprintf("s0-run%d", r)])
	}
}

func TestFewGroups(t *testing.T) {
	splits, err := assign(someGroups(1, 1), options("run"))
	require.NoError(t, err)
	assert.Equal(t, map[string]int{train: 1}, count(splits))
	splits, err = assign(someGroups(1, 2), options("run"))
	require.NoError(t, err)
	assert.Equal(t, map[string]int{train: 1, test: 1}, count(splits))
	o := options("run")
	o.Shares = [3]float64{0.7, 0, 0.3}
	splits, err = assign(someGroups(1, 10), o)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{train: 7, test: 3}, count(splits))
}

func TestPartsCutNoWindow(t *testing.T) {
	o := options("run")
	o.From = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	o.To = o.From.Add(time.Hour)
	var minutes []minute
	for i := range 60 {
		minutes = append(minutes, minute{o.From.Truncate(time.Minute).Add(time.Duration(i) * time.Minute), 100})
	}
	for _, window := range []int{1, 7, 100} {
		o.Window = window
		parts := planParts(minutes, o, time.Second, 1000)
		require.NotEmpty(t, parts)
		assert.Equal(t, o.From, parts[0].From)
		assert.Equal(t, o.To, parts[len(parts)-1].To)
		assert.Greater(t, len(parts), 4)
		for i := 1; i < len(parts); i++ {
			assert.Equal(t, parts[i-1].To, parts[i].From)
			if window > 1 {
				assert.Zero(t, (parts[i].From.UnixMilli()-1)%int64(window*1000))
			}
		}
	}
}

func TestChooseColumns(t *testing.T) {
	columns := []Column{
		{Name: "ts", Type: "DateTime64(3)"},
		{Name: "exec_count", Type: "Float64", Metric: "nodesec.exec.count"},
		{Name: "exec_shell", Type: "Float64", Metric: "nodesec.exec.shell"},
		{Name: "cpu_total", Type: "Float64", Metric: "cpu", Temporality: "cumulative"},
		{Name: "container_uptime", Type: "Float64", Metric: "container.uptime"},
		{Name: "quality_skew_ms", Type: "Float64", Metric: "nodesec.quality.skew_ms"},
	}
	names := func(patterns ...string) (names []string) {
		c, err := choose(columns, patterns)
		require.NoError(t, err)
		assert.Len(t, c.aside, len(columns)-len(c.features))
		for _, f := range c.features {
			names = append(names, f.Name)
		}
		return names
	}
	assert.Equal(t, []string{"exec_count", "exec_shell"}, names())
	assert.Equal(t, []string{"exec_shell"}, names("!exec_count"))
	assert.Equal(t, []string{"exec_count", "exec_shell"}, names("exec_*"))
	assert.Equal(t, []string{"exec_count", "cpu_total"}, names("exec_*", "!exec_shell", "cpu_total"))
	_, err := choose(columns, []string{"exce_*"})
	assert.EqualError(t, err, `--features: no feature matches "exce_*"`)
}

func TestValidateNamesTheFlag(t *testing.T) {
	o := DefaultOptions()
	o.Scope, o.Split, o.Format, o.Window = dataset.Scope("pod"), "row", "xls", 0
	o.Shares, o.Features, o.Holdout = [3]float64{1, 1, 1}, []string{"[a"}, []string{"T1"}
	err := o.Validate()
	for _, want := range []string{
		`--scope: must be one of node, container, process, got "pod"`, `--split: must be one of none, run, scenario, technique, workload, time, got "row"`,
		`--format: must be one of parquet, csv, arrow, got "xls"`, "--to: must be after --from", "--window: must be 1 to 10000 ticks, got 0",
		"--shares: must add up to 1, got [1 1 1]", `--features: must be a pattern such as exec_*, got "[a"`, "--holdout: must go with --split technique, got --split row",
	} {
		assert.ErrorContains(t, err, want)
	}
}
