// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// window is an annotation that is valid, from and to given in seconds after noon.
func window(id string, from, to float64, change func(*Annotation)) Annotation {
	a := Annotation{
		ID: id, Label: Attack, Selector: Selector{Container: "web"},
		Start: noon.Add(time.Duration(from * float64(time.Second))), End: noon.Add(time.Duration(to * float64(time.Second))),
	}
	if change != nil {
		change(&a)
	}
	return a
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Annotation)
		want   string // empty: valid
	}{
		{"a window with a selector", nil, ""},
		{"a window of one microsecond", func(a *Annotation) { a.End = a.Start.Add(time.Microsecond) }, ""},
		{"an end at the start", func(a *Annotation) { a.End = a.Start }, "t_end: must be after t_start"},
		{"an end that the table can't tell from the start", func(a *Annotation) { a.End = a.Start.Add(999) }, "t_end"},
		{"no selector", func(a *Annotation) { a.Selector = Selector{} }, "selector: must have at least one"},
		{"a pid alone", func(a *Annotation) { a.Selector = Selector{PID: 1} }, ""},
		{"no times", func(a *Annotation) { a.Start, a.End = time.Time{}, time.Time{} }, "t_start: must be a time"},
		{"an unknown label", func(a *Annotation) { a.Label = "evil" }, `one of attack, overload, admin, benign, got "evil"`},
		{"a technique that is none", func(a *Annotation) { a.Technique = "shell" }, "technique"},
		{"a sub-technique", func(a *Annotation) { a.Technique = "T1059.004" }, ""},
		{"no id", func(a *Annotation) { a.ID = "" }, "id: must be"},
		{"a quote in the id", func(a *Annotation) { a.ID = "a'b" }, "id: must be"},
		{"a control character in a name", func(a *Annotation) { a.Workload = "a\x1b[2J" }, "workload: must have no control"},
		{"lines in the note", func(a *Annotation) { a.Note = "one\ntwo" }, ""},
		{"bytes that are no text", func(a *Annotation) { a.Step = "\xff" }, "step: must be UTF-8"},
		{"a long name", func(a *Annotation) { a.Pod = strings.Repeat("x", 257) }, "pod: must have at most 256"},
		{"a retraction with a window", func(a *Annotation) { a.Retracts = "x" }, "retracts: a retraction has no window"},
		{"a retraction", func(a *Annotation) { *a = Annotation{ID: "r", Retracts: "x", Note: "wrong host"} }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := window("a", 0, 1, tt.change)
			if err := a.Validate(); tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

func TestTwoOfTheSameID(t *testing.T) {
	err := ValidateAll([]Annotation{window("a", 0, 1, nil), window("b", 0, 1, nil), window("a", 5, 6, nil)})
	require.ErrorContains(t, err, `annotation 3: its id "a" is that of annotation 1`)
}

func TestOverlaps(t *testing.T) {
	ofRun := func(run string) func(*Annotation) { return func(a *Annotation) { a.Run = run } }
	for _, tt := range []struct {
		name         string
		added, there []Annotation
		want         []string
	}{
		{"windows that touch", []Annotation{window("a", 0, 1, nil), window("b", 1, 2, nil)}, nil, nil},
		{
			"windows of nobody's run", []Annotation{window("a", 0, 2, nil), window("b", 1, 3, nil)}, nil,
			[]string{"a (attack) overlaps b (attack) from 2026-03-02T12:00:01Z to 2026-03-02T12:00:02Z"},
		},
		{
			"one that is there", []Annotation{window("b", 1, 3, ofRun("2"))}, []Annotation{window("a", 0, 9, ofRun("1"))},
			[]string{"a (attack 1) overlaps b (attack 2) from 2026-03-02T12:00:01Z to 2026-03-02T12:00:03Z"},
		},
		{"two that are there are no news", nil, []Annotation{window("a", 0, 2, nil), window("b", 1, 3, nil)}, nil},
		{
			"another container", []Annotation{
				window("a", 0, 2, nil), window("b", 1, 3, func(a *Annotation) { a.Container = "db" }),
			}, nil, nil,
		},
		{
			"the node of the container", []Annotation{
				window("a", 0, 2, nil), window("b", 1, 3, func(a *Annotation) { a.Selector = Selector{Node: "n"} }),
			}, nil, []string{"a (attack) overlaps b (attack) from 2026-03-02T12:00:01Z to 2026-03-02T12:00:02Z"},
		},
		{
			"a step inside its run", []Annotation{
				window("a", 0, 9, func(a *Annotation) { a.Selector, a.Run, a.Label = Selector{Node: "n"}, "1", Benign }),
				window("b", 1, 3, ofRun("1")),
			}, nil, nil,
		},
		{
			"two steps of a run that say different things", []Annotation{
				window("a", 0, 2, ofRun("1")),
				window("b", 1, 3, func(a *Annotation) { a.Run, a.Label = "1", Benign }),
			}, nil, []string{"a (attack 1) overlaps b (benign 1) from 2026-03-02T12:00:01Z to 2026-03-02T12:00:02Z"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, o := range Overlaps(tt.added, tt.there) {
				got = append(got, o.String())
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// full has a value in every field, none of them easy.
func full() []Annotation {
	return []Annotation{
		{
			ID: "a-1", Run: "r'1", Scenario: "web`shell", Step: "{x:String}", Technique: "T1505.003", Label: Attack,
			Start: noon.Add(1500 * time.Microsecond), End: noon.Add(time.Minute), Effect: noon.Add(time.Second),
			Selector: Selector{
				Cluster: "c", Node: `n\1`, Namespace: "ns", Workload: `"w"`, Pod: "p,1", Container: "c\\'1", PID: 4194304,
			},
			Role: "victim", Outcome: "done", Source: "lab", Author: "é", Note: "one,\n\t\"two\"\\",
			Created: noon.Add(time.Hour),
		},
		{ID: "a-2", Label: Benign, Start: noon, End: noon.Add(1), Selector: Selector{Node: "n"}, Created: noon},
		{ID: "a-3", Retracts: "a-2", Note: "wrong", Created: noon},
	}
}

func TestFilesKeepEverything(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(*bytes.Buffer, []Annotation) error
		read  func(*bytes.Buffer) ([]Annotation, error)
	}{
		{
			"YAML", func(b *bytes.Buffer, all []Annotation) error { return WriteYAML(b, all) },
			func(b *bytes.Buffer) ([]Annotation, error) { return ReadYAML(b) },
		},
		{
			"CSV", func(b *bytes.Buffer, all []Annotation) error { return WriteCSV(b, all) },
			func(b *bytes.Buffer) ([]Annotation, error) { return ReadCSV(b) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, tt.write(&b, full()))
			got, err := tt.read(&b)
			require.NoError(t, err)
			assert.Equal(t, full(), got)
		})
	}
}

func TestFilesWithFaults(t *testing.T) {
	for _, tt := range []struct{ name, yaml, csv, want string }{
		{"an unknown key", "annotations:\n- lable: attack\n", "", "lable"},
		{"an unknown column", "", "id,lable\n", `unknown column "lable"`},
		{"a time that is none", "", "id,t_start\na,2026-03-02T12:00:00Z\nb,noon\n", "line 3 of the CSV: t_start"},
		{"a pid that is none", "", "pid\n-1\n", "line 2 of the CSV: pid"},
		{"a line that is short", "", "id,run\na\n", "wrong number of fields"},
		{"nothing", "", "", "header of the CSV"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if tt.yaml != "" {
				_, err = ReadYAML(strings.NewReader(tt.yaml))
			} else {
				_, err = ReadCSV(strings.NewReader(tt.csv))
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}
