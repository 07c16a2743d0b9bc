// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/exporters/clickhousedataset"
	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/entity"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// sample is a row of any table of samples, as far as labels depend on it.
type sample struct {
	TS          time.Time `json:"ts"`
	Interval    int64     `json:"interval_ms"`
	Entity      uint64    `json:"entity"`
	Cluster     string    `json:"cluster"`
	Node        string    `json:"node"`
	Namespace   string    `json:"namespace,omitempty"`
	Workload    string    `json:"workload,omitempty"`
	Pod         string    `json:"pod,omitempty"`
	PodUID      string    `json:"pod_uid,omitempty"`
	Container   string    `json:"container,omitempty"`
	ContainerID string    `json:"container_id,omitempty"`
	Cgroup      string    `json:"cgroup,omitempty"`
	PID         uint32    `json:"pid,omitempty"`
}

// truth is what a view says of a row.
type truth struct {
	TS         time.Time `json:"ts"`
	Entity     uint64    `json:"entity"`
	Label      string    `json:"label"`
	Technique  string    `json:"technique"`
	Scenario   string    `json:"scenario"`
	Step       string    `json:"step"`
	Run        string    `json:"run"`
	Role       string    `json:"role"`
	Annotation string    `json:"annotation"`
	Guard      uint8     `json:"guard"`
}

func (d *database) truth(scope Scope, from, to time.Time) []truth {
	d.t.Helper()
	rows, err := clickhouse.Select[truth](d.t.Context(), d.Client, clickhouse.Query{
		Text: "SELECT ts, entity, label, technique, scenario, step, run, role, annotation, guard FROM " +
			d.table(scope.View()) + Range(from, to) + " ORDER BY ts, entity",
	})
	require.NoError(d.t, err)
	return rows
}

// selects is what the selector means, said once more in plain words.
func selects(s *annotation.Selector, row *sample, scope Scope) bool {
	is := func(wanted string, names ...string) bool { return wanted == "" || slices.Contains(names, wanted) }
	if !is(s.Cluster, row.Cluster) || !is(s.Node, row.Node) {
		return false
	}
	if scope == Node {
		return s.Level() <= annotation.LevelNode || s.Node != ""
	}
	if !is(s.Namespace, row.Namespace) || !is(s.Workload, row.Workload) || !is(s.Pod, row.Pod, row.PodUID) ||
		!is(s.Container, row.Container, row.ContainerID, row.Cgroup) {
		return false
	}
	if scope == Container {
		return s.PID == 0 || s.Container != ""
	}
	return s.PID == 0 || s.PID == row.PID
}

// rank is the place of a label: a stronger one wins.
func rank(l annotation.Label) int {
	return len(annotation.Labels()) - slices.Index(annotation.Labels(), l)
}

// naive labels one row by looking at every annotation.
func naive(row *sample, all []annotation.Annotation, scope Scope) truth {
	tick := time.Duration(row.Interval) * time.Millisecond
	var winner *annotation.Annotation
	whole, edge := 0, 0
	for i := range all {
		a := &all[i]
		if a.Retracts != "" || slices.ContainsFunc(all, func(r annotation.Annotation) bool { return r.Retracts == a.ID }) ||
			!selects(&a.Selector, row, scope) {
			continue
		}
		touches := !a.Start.After(row.TS) && a.End.After(row.TS.Add(-tick))
		near := !a.Start.After(row.TS.Add(tick)) && a.End.After(row.TS.Add(-2*tick))
		if near {
			edge = max(edge, rank(a.Label))
		}
		if touches && 2*within(a, row.TS.Add(-tick), row.TS) >= min(tick, a.End.Sub(a.Start)) {
			whole = max(whole, rank(a.Label))
		}
		if touches && (winner == nil || wins(a, winner)) {
			winner = a
		}
	}
	t := truth{TS: row.TS, Entity: row.Entity}
	if edge > whole {
		t.Guard = 1
	}
	if winner != nil {
		t.Label, t.Technique, t.Scenario, t.Step = string(winner.Label), winner.Technique, winner.Scenario, winner.Step
		t.Run, t.Role, t.Annotation = winner.Run, winner.Role, winner.ID
	}
	return t
}

// within is how much of a window lies in the time.
func within(a *annotation.Annotation, from, to time.Time) time.Duration {
	if a.Start.After(from) {
		from = a.Start
	}
	if a.End.Before(to) {
		to = a.End
	}
	return to.Sub(from)
}

func wins(a, b *annotation.Annotation) bool {
	return cmp.Or(
		cmp.Compare(rank(b.Label), rank(a.Label)), cmp.Compare(b.Level(), a.Level()), b.Start.Compare(a.Start),
		cmp.Compare(a.ID, b.ID)) < 0
}

func TestViewsLabelLikeTheNaiveJoin(t *testing.T) {
	for _, scope := range Scopes() {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("%s, seed %d", scope, seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				d := newDatabase(t)
				rows, all := randomSamples(random, scope), randomAnnotations(random)
				insert(d, scope.Samples(), rows)
				require.NoError(t, d.annotations().Insert(t.Context(), all))
				// The second half tells whether a range sees windows that began before it.
				from, to := noon.Add(-time.Duration(random.IntN(2))*time.Hour), noon.Add(2*time.Hour)

				var want []truth
				for i := range rows {
					if !rows[i].TS.Before(from) && rows[i].TS.Before(to) {
						want = append(want, naive(&rows[i], all, scope))
					}
				}
				slices.SortFunc(want, func(a, b truth) int { return cmp.Or(a.TS.Compare(b.TS), cmp.Compare(a.Entity, b.Entity)) })
				got := d.truth(scope, from, to)
				require.Len(t, got, len(want))
				labelled, guarded := 0, 0
				for i := range want {
					require.Equal(t, want[i], got[i])
					if want[i].Label != "" {
						labelled++
					}
					guarded += int(want[i].Guard)
				}
				assert.Positive(t, labelled, "else the test shows nothing")
				assert.Positive(t, guarded, "else the test shows nothing")
			})
		}
	}
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// randomSamples are some hours of a few entities with ticks of several lengths.
func randomSamples(random *rand.Rand, scope Scope) (rows []sample) {
	for e := range uint64(6) {
		s := sample{Entity: e + 1, Cluster: "c", Node: pick(random, "n1", "n2"), Interval: pick[int64](random, 1000, 10_000, 60_000, 0)}
		if scope != Node {
			s.Namespace, s.Workload, s.Pod = pick(random, "", "ns"), pick(random, "w1", "w2"), pick(random, "p1", "p2")
			s.PodUID, s.Container = "u"+s.Pod, pick(random, "", "app", "db")
			s.ContainerID, s.Cgroup = fmt.Sprintf("id%d", e), "/"+s.Container
		}
		if scope == Process {
			s.PID = uint32(random.IntN(3) + 1)
		}
		step := time.Duration(max(s.Interval, 20_000)) * time.Millisecond
		at := noon.Add(-90 * time.Minute)
		for range 300 {
			at = at.Add(step)
			row := s
			row.TS = at
			if random.IntN(10) == 0 { // a tick was missed
				row.Interval *= 2
				at = at.Add(step)
				row.TS = at
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func randomAnnotations(random *rand.Rand) (all []annotation.Annotation) {
	for i := range 60 {
		a := annotation.Annotation{
			ID: fmt.Sprintf("a%02d", i), Label: pick(random, annotation.Labels()...), Run: pick(random, "", "r1", "r2"),
			Technique: pick(random, "", "T1059", "T1496"), Scenario: pick(random, "s1", "s2"), Step: fmt.Sprint(i),
			Role: pick(random, "", "victim"),
		}
		a.Start = noon.Add(time.Duration(random.IntN(150)-100) * time.Minute).Add(time.Duration(random.IntN(3)*500) * time.Millisecond)
		a.End = a.Start.Add(pick(random, time.Microsecond, time.Second, 25*time.Second, 10*time.Minute, 2*time.Hour))
		for a.Level() == annotation.LevelNone {
			a.Selector = annotation.Selector{
				Cluster: pick(random, "", "", "c", "other"), Node: pick(random, "", "n1", "n2"),
				Namespace: pick(random, "", "", "ns"), Workload: pick(random, "", "", "w1"), Pod: pick(random, "", "", "p1", "up2"),
				Container: pick(random, "", "", "app", "/db", "id3"), PID: pick[uint32](random, 0, 0, 1, 2),
			}
		}
		all = append(all, a)
	}
	for i := range 5 {
		all = append(all, annotation.Annotation{ID: fmt.Sprintf("r%d", i), Retracts: fmt.Sprintf("a%02d", i*7)})
	}
	return all
}

func TestNewFeaturesAreInTheViews(t *testing.T) {
	d := newDatabase(t)
	cfg := clickhousedataset.NewDefaultConfig()
	cfg.Database = d.name
	schema, err := clickhousedataset.NewSchema(cfg)
	require.NoError(t, err)
	// The second has the name of a column of ground truth, the third one that the view uses inside.
	features := []clickhousedataset.Feature{{Metric: "new.feature"}, {Metric: "label"}, {Metric: "number"}, {Metric: "members"}}
	for _, statement := range schema.AddFeatures(entity.Container, features) {
		d.exec(statement)
	}
	insert(d, "container_samples", []map[string]any{
		{"ts": noon, "interval_ms": 1000, "entity": 1, "node": "n", "container": "web", "new_feature": 7, "number": 8, "members": 9},
	})
	require.NoError(t, d.annotations().Insert(t.Context(), []annotation.Annotation{{
		ID: "a", Label: annotation.Attack, Start: noon.Add(-time.Minute), End: noon.Add(time.Minute),
		Selector: annotation.Selector{Container: "web"},
	}}))
	row, err := clickhouse.One[map[string]any](t.Context(), d.Client, clickhouse.Query{
		Text: "SELECT * FROM " + d.table("container_dataset") + Range(noon, noon.Add(time.Second)),
	})
	require.NoError(t, err)
	assert.Equal(t, "attack", row["label"])
	assert.InDelta(t, 7, row["new_feature"], 0)
	assert.InDelta(t, 8, row["number"], 0)
	assert.InDelta(t, 9, row["members"], 0)
	for name := range row {
		assert.NotContains(t, name, "#", "nothing of the view's inside is seen")
	}
}
