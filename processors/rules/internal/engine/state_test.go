// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/entity"
)

// measured is a sample of the past, as the naive references keep it.
type measured struct {
	at    time.Time
	value float64
	has   bool
}

// history makes samples at random: with holes, missing values and steps of various lengths.
func history(g *rand.Rand) (all []measured) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for range 200 {
		step := time.Duration(1+g.IntN(3)) * 5 * time.Second
		if g.IntN(30) == 0 {
			step = time.Duration(g.IntN(400)) * time.Second
		}
		at = at.Add(max(step, time.Second))
		all = append(all, measured{at, float64(g.IntN(5)), g.IntN(5) > 0})
	}
	return all
}

// inWindow calls visit with the values of the window that ends with the sample i: the newest 30 parts of it.
func inWindow(all []measured, i int, window time.Duration, visit func(measured)) {
	part := int64(window / buckets)
	newest := all[i].at.UnixNano() / part
	for _, m := range all[:i+1] {
		if m.has && newest-m.at.UnixNano()/part < buckets {
			visit(m)
		}
	}
}

func TestFunctionsOfThePastAgreeWithANaiveReference(t *testing.T) {
	text := rule(`condition: 'prev(a) + last(a, "40s") + sum(a, "1m") + avg(a, "5m") + max(a, "2m30s") + rate(a) > 0.0 || first_seen(a)'`)
	for seed := range uint64(30) {
		w := newWorld(program(t, text))
		all := history(rand.New(rand.NewPCG(seed, 7)))
		for i, m := range all {
			w.at = m.at
			values := map[string]float64{}
			if m.has {
				values["a"] = m.value
			}
			w.of(&entity.Identity{Scope: entity.Container, Hash: 1}, values)
			for name, want := range naive(all, i) {
				if got := w.number(name); math.Abs(got-want) > 1e-9 || math.IsNaN(got) != math.IsNaN(want) {
					t.Fatalf("seed %d, sample %d: %s is %v, want %v", seed, i, name, got, want)
				}
			}
		}
	}
}

// naive computes all functions of sample i from the whole history.
func naive(all []measured, i int) map[string]float64 {
	now, nan := all[i], math.NaN()
	last := nan
	for _, m := range all[:i+1] {
		if m.has && now.at.Sub(m.at) <= 40*time.Second {
			last = m.value
		}
	}
	if !now.has {
		return map[string]float64{
			"prev(a)": nan, `last(a, "40s")`: last, `sum(a, "1m")`: nan, `avg(a, "5m")`: nan, `max(a, "2m30s")`: nan, "rate(a)": nan, "first_seen(a)": nan,
		}
	}
	prev, highest, sum, total, count, begun, positive := nan, math.Inf(-1), 0.0, 0.0, 0.0, time.Time{}, 0
	for _, m := range all[:i+1] {
		if m.has && begun.IsZero() {
			begun = m.at
		}
		if m.has && m.value > 0 {
			positive++
		}
	}
	for _, m := range all[:i] {
		if m.has {
			prev = m.value
		}
	}
	inWindow(all, i, time.Minute, func(m measured) { sum += m.value })
	inWindow(all, i, 5*time.Minute, func(m measured) { total += m.value; count++ })
	inWindow(all, i, 150*time.Second, func(m measured) { highest = max(highest, m.value) })
	average := total / count
	if now.at.Sub(begun) < 150*time.Second {
		average = nan
	}
	first := 0.0
	if positive == 1 && now.value > 0 {
		first = 1
	}
	if begun.Equal(now.at) {
		first = nan
	}
	return map[string]float64{
		"prev(a)": prev, `last(a, "40s")`: last, `sum(a, "1m")`: sum, `avg(a, "5m")`: average, `max(a, "2m30s")`: highest, "rate(a)": now.value / 10,
		"first_seen(a)": first,
	}
}

// TestTheLastValueBridgesParts gives the parts of samples as two receivers do of which one is late.
func TestTheLastValueBridgesParts(t *testing.T) {
	w := newWorld(program(t, rule(`condition: 'last(b, "1m") > 10.0 && a > 0.0'`)))
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	fires := func(second int, values map[string]float64) bool {
		w.at = start.Add(time.Duration(second) * time.Second)
		return len(w.of(&entity.Identity{Scope: entity.Container, Hash: 1}, values)) > 0
	}
	require.False(t, fires(1, map[string]float64{"a": 1}), "nothing is known of b")
	require.False(t, fires(0, map[string]float64{"b": 9}))
	require.False(t, fires(2, map[string]float64{"a": 1}), "it was too little")
	require.False(t, fires(1, map[string]float64{"b": 11}), "a late part of an older sample")
	require.True(t, fires(3, map[string]float64{"a": 1}))
	require.True(t, fires(2, map[string]float64{"a": 1, "b": 12}), "a late one that has both")
	require.False(t, fires(70, map[string]float64{"a": 1}), "that was long ago")
}

func TestSequencesAgreeWithANaiveReference(t *testing.T) {
	p := program(t, rule("sequence: [a == 1, a == 2, a == 3], within: 1m"))
	for seed := range uint64(50) {
		w := newWorld(p)
		all := history(rand.New(rand.NewPCG(seed, 9)))
		matches := 0
		for i, m := range all {
			w.at = m.at
			values := map[string]float64{}
			if m.has {
				values["a"] = m.value
			}
			got := len(w.of(&entity.Identity{Scope: entity.Container, Hash: 1}, values)) > 0
			want := false
			for first := range all[:i+1] {
				for second := first; second <= i && m.has && m.value == 3; second++ {
					a, b := all[first], all[second]
					want = want || a.has && b.has && a.value == 1 && b.value == 2 && m.at.Sub(a.at) <= time.Minute
				}
			}
			require.Equal(t, want, got, "seed %d, sample %d", seed, i)
			if want {
				matches++
			}
		}
		assert.Positive(t, matches, "the test tests nothing")
	}
}

func TestStepsOfASequenceMayComeAtOnce(t *testing.T) {
	w := newWorld(program(t, rule("sequence: [a > 0, b > 0], within: 1m")))
	assert.Empty(t, w.sample(map[string]float64{"a": 0, "b": 1}))
	assert.Equal(t, []string{"r"}, w.sample(map[string]float64{"a": 1, "b": 1}))
	assert.Equal(t, []string{"r"}, w.sample(map[string]float64{"a": 0, "b": 1}), "the first step still counts")
	for range 6 {
		w.sample(map[string]float64{"a": 0, "b": 0})
	}
	assert.Empty(t, w.sample(map[string]float64{"a": 0, "b": 1}))
}

func TestForAndKeepFiringFor(t *testing.T) {
	const missing = -1
	for _, tt := range []struct {
		name, fields string
		values       []float64
		want         string // a letter per sample: F fires, . does not
	}{
		{"for", "for: 20s", []float64{1, 1, 1, 1, 0, 1, 1, 1}, "..FF...F"},
		{"for, with a hole that is short enough", "for: 20s", []float64{1, missing, 1, 1, 1}, "..FFF"},
		{"for, with a hole that is too long", "for: 20s", []float64{1, 1, missing, missing, missing, 1, 1, 1}, ".......F"},
		{"keep_firing_for", "keep_firing_for: 20s", []float64{1, 0, 0, 0, 1, 0, 1, 0, 0, 0}, "FFF.FFFFF."},
		{"both", "for: 10s, keep_firing_for: 10s", []float64{1, 1, 0, 1, 0, 0, 1, 1}, ".FFFF..F"},
		{"kept while it can't be told", "keep_firing_for: 20s", []float64{1, missing, missing, missing, 1}, "FFF.F"},
		{"neither", "tags: [x]", []float64{1, missing, 0, 1}, "F..F"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(program(t, rule("condition: a > 0, "+tt.fields)))
			got := ""
			for _, v := range tt.values {
				values := map[string]float64{"a": v}
				if v == missing {
					values = nil
				}
				got += map[bool]string{true: "F", false: "."}[len(w.sample(values)) > 0]
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestARestartInTheMiddleOfAForBeginsAnew(t *testing.T) {
	p := program(t, rule("condition: a > 0, for: 30s"))
	w := newWorld(p)
	for range 3 {
		assert.Empty(t, w.sample(map[string]float64{"a": 1}))
	}
	restarted := newWorld(p)
	restarted.at = w.at
	for range 3 {
		assert.Empty(t, restarted.sample(map[string]float64{"a": 1}), "less than 30s since the restart")
	}
	assert.Equal(t, []string{"r"}, restarted.sample(map[string]float64{"a": 1}))
}

func TestExceptions(t *testing.T) {
	w := newWorld(program(t, rule("condition: a > 0, exceptions: [{name: e, condition: b > 0}]")))
	assert.Equal(t, []string{"r"}, w.sample(map[string]float64{"a": 1, "b": 0}))
	assert.Empty(t, w.sample(map[string]float64{"a": 1, "b": 1}))
	assert.Equal(t, []string{"r"}, w.sample(map[string]float64{"a": 1}), "an exception that can't be told does not apply")
}

func TestALateSampleLeavesTheStateAlone(t *testing.T) {
	w := newWorld(program(t, rule("condition: prev(a) == 1.0"), "rules:\n  - {name: now, description: d, severity: INFO, condition: a > 5}\n"))
	w.sample(map[string]float64{"a": 1})
	newest := w.at
	w.at = newest.Add(-5 * time.Second)
	assert.Equal(t, []string{"now"}, w.of(&entity.Identity{Scope: entity.Container, Hash: 1}, map[string]float64{"a": 9}))
	w.at = newest
	assert.Equal(t, []string{"r"}, w.sample(map[string]float64{"a": 0}))
}

func TestBaselineLearnsWhatIsUsualAndScoresTheRest(t *testing.T) {
	w := newWorld(program(t, rule("condition: zscore(a) > 6")))
	g := rand.New(rand.NewPCG(1, 2))
	for i := range 31 {
		require.Empty(t, w.sample(map[string]float64{"a": 100 + 10*g.NormFloat64()}))
		require.Equal(t, i < 30, math.IsNaN(w.number("zscore(a)")), "sample %d", i)
	}
	scores := 0.0
	for range 500 {
		require.Empty(t, w.sample(map[string]float64{"a": 100 + 10*g.NormFloat64()}))
		scores += w.number("zscore(a)") * w.number("zscore(a)")
	}
	assert.InDelta(t, 1, math.Sqrt(scores/500), 0.25, "the score of what is normal has a deviation of one")
	for range 5 { // it does not get used to the outliers
		require.Equal(t, []string{"r"}, w.sample(map[string]float64{"a": 1000}))
	}
	require.Empty(t, w.sample(map[string]float64{"a": 100}))
	for range 3000 { // some hours later it has
		w.sample(map[string]float64{"a": 1000 + 10*g.NormFloat64()})
	}
	assert.Empty(t, w.sample(map[string]float64{"a": 1000}))
}

func TestBaselineOfWhatIsAlwaysZero(t *testing.T) {
	w := newWorld(program(t, rule("condition: zscore(a) > 6")))
	for range 40 {
		require.Empty(t, w.sample(map[string]float64{"a": 0}))
	}
	assert.Equal(t, []string{"r"}, w.sample(map[string]float64{"a": 1}))
	assert.InDelta(t, maxScore, w.number("zscore(a)"), 0)
}

func TestPeersAreComparedWithinTheirWorkload(t *testing.T) {
	w := newWorld(program(t, rule("condition: zscore_peers(a) > 6")))
	pod := func(i int, workload string) *entity.Identity {
		return &entity.Identity{Scope: entity.Container, Hash: uint64(i + 1), Workload: workload, Container: "app"}
	}
	tick := func(odd float64) (fired int) {
		w.at = w.at.Add(10 * time.Second)
		for i := range 4 {
			v := 10.0 + float64(i)
			if i == 3 {
				v = odd
			}
			fired += len(w.of(pod(i, "web"), map[string]float64{"a": v}))
		}
		require.Empty(t, w.of(pod(9, "other"), map[string]float64{"a": 10_000}), "it is alone")
		require.Empty(t, w.of(pod(10, ""), map[string]float64{"a": 10_000}), "it has no workload")
		return fired
	}
	for range 40 {
		require.Zero(t, tick(13))
	}
	assert.Equal(t, 1, tick(500))
	assert.Len(t, w.groups, 2)
	w.at = w.at.Add(time.Hour)
	for range 4 {
		w.of(pod(20, ""), nil)
	}
	w.Expire()
	assert.Empty(t, w.groups, "forgotten with their members")
	assert.Equal(t, 1, w.Entities())
}

func TestFirstSeenOfATextIsAboutAllEntities(t *testing.T) {
	w := newWorld(program(t, rule("condition: 'first_seen(exe, \"30s\")'")))
	process := func(i int, exe string) bool {
		return len(w.of(&entity.Identity{Scope: entity.Container, Hash: uint64(i), Executable: exe}, nil)) > 0
	}
	assert.False(t, process(1, "a"), "the first 30s say nothing")
	w.at = w.at.Add(30 * time.Second)
	assert.True(t, process(2, "b"))
	assert.True(t, process(3, "b"), "in the same tick it is as new")
	w.at = w.at.Add(10 * time.Second)
	assert.False(t, process(4, "b"))
	assert.False(t, process(4, "a"))
	assert.False(t, process(4, ""))
}

func TestEvidenceIsWhatMadeItTrue(t *testing.T) {
	w := newWorld(program(t, rule("condition: '(a > 5 || b > 5 || c > 5) && !(image == \"x\") && sum(a, \"1m\") >= 0.0'")))
	s := w.Begin()
	s.Identity, s.Time = &entity.Identity{Scope: entity.Container, ImageName: "y"}, w.at.UnixNano()
	for name, v := range map[string]float64{"a": 1, "b": 6} {
		slot, _ := w.Program().Feature(name)
		w.Set(slot, v, 0)
	}
	fired := w.Evaluate()
	require.Len(t, fired, 1)
	assert.Equal(t, Evidence{
		Numbers: []NumberEvidence{{"b", 6}, {`sum(a, "1m")`, 1}}, Texts: []TextEvidence{{"image", "y"}},
	}, w.Evidence(&fired[0]))
}
