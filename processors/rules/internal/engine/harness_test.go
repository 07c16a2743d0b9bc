// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

const features = `
a counter node,container,process
b counter node,container,process
c gauge node,container,process
only_node gauge node
exec_shell counter container
exec_shell_web_server counter container
syscall_calls* counter container
`

func vocabulary(t testing.TB) *Vocabulary {
	v, err := NewVocabulary(features, []string{"kubelet_.*"})
	require.NoError(t, err)
	return v
}

// setOfText reads rule files.
func setOfText(t testing.TB, texts ...string) *rulefile.Set {
	set, err := rulefile.Load(sourcesOf(texts...))
	require.NoError(t, err)
	return set
}

func sourcesOf(texts ...string) (sources []rulefile.Source) {
	for i, text := range texts {
		sources = append(sources, rulefile.Source{Name: string(rune('a'+i)) + ".yaml", Text: []byte(text)})
	}
	return sources
}

func program(t testing.TB, texts ...string) *Program {
	p, err := Compile(setOfText(t, texts...), vocabulary(t))
	require.NoError(t, err)
	return p
}

// rule is the text of a rule file with one rule.
func rule(fields string) string {
	return "rules:\n  - {name: r, description: d, severity: WARN, " + fields + "}\n"
}

// world is an engine and the time.
type world struct {
	*Engine
	at time.Time
}

func newWorld(p *Program) *world {
	return &world{
		Engine: NewEngine(p, Settings{TTL: 15 * time.Minute, MaxEntities: 100}),
		at:     time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
}

// sample evaluates a sample of a container, 10 seconds after the one before, and returns the names of what fires.
func (w *world) sample(values map[string]float64) []string {
	w.at = w.at.Add(10 * time.Second)
	return w.of(&entity.Identity{Scope: entity.Container, Hash: 1}, values)
}

func (w *world) of(id *entity.Identity, values map[string]float64) (names []string) {
	s := w.Begin()
	s.Identity, s.Time = id, w.at.UnixNano()
	for name, v := range values {
		if slot, used := w.Program().Feature(name); used {
			w.Set(slot, v, 10)
		}
	}
	for _, f := range w.Evaluate() {
		names = append(names, f.Rule.Name)
	}
	return names
}

// number returns a number of the sample that was evaluated last.
func (w *world) number(name string) float64 {
	if slot, ok := w.program.slots.numberNames[name]; ok {
		return w.frame.numbers[slot]
	}
	return math.NaN()
}
