// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/nodesec/nodesec/internal/entity"
)

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(program(t, rule("condition: prev(a) > 0")))
	w.settings.MaxEntities = 10
	for i := range 25 {
		w.of(&entity.Identity{Scope: entity.Container, Hash: uint64(i)}, map[string]float64{"a": 1})
	}
	assert.Equal(t, 10, w.Entities())
	assert.EqualValues(t, 15, w.Counts.Evicted)
	w.at = w.at.Add(w.settings.TTL)
	assert.Equal(t, []string{"r"}, w.of(&entity.Identity{Scope: entity.Container, Hash: 20}, map[string]float64{"a": 1}))
	w.at = w.at.Add(time.Second)
	w.of(&entity.Identity{Scope: entity.Container, Hash: 20}, map[string]float64{"a": 1})
	w.Expire()
	assert.Equal(t, 1, w.Entities(), "those that were seen last are kept")
	assert.EqualValues(t, 9, w.Counts.Expired)
}

func TestAWrongClockOfOneSenderMakesNobodyForgotten(t *testing.T) {
	w := newWorld(program(t, rule("condition: prev(a) == 1.0")))
	tick := func(wrong time.Duration) (fired int) {
		w.at = w.at.Add(10 * time.Second)
		for i := range 4 {
			at := w.at
			if i == 0 {
				w.at = w.at.Add(wrong)
			}
			fired += len(w.of(&entity.Identity{Scope: entity.Container, Hash: uint64(i)}, map[string]float64{"a": 1}))
			w.at = at
		}
		w.Expire()
		return fired
	}
	tick(0)
	assert.Equal(t, 4, tick(24*time.Hour))
	assert.Equal(t, 4, tick(24*time.Hour))
	assert.Equal(t, 3, tick(0), "it begins anew when its clock is set back")
	assert.Equal(t, 4, tick(0))
	assert.Zero(t, w.Counts.Expired)
	w.at = w.at.Add(24 * time.Hour) // now it is so for all
	tick(0)
	assert.Equal(t, 4, tick(0))
	assert.Equal(t, 4, w.Entities())
}

func TestReplaceKeepsWhatIsRememberedOfUnchangedRules(t *testing.T) {
	text := func(limit int, more string) string {
		return fmt.Sprintf("rules:\n%s  - {name: kept, description: d, severity: INFO, condition: a > 0, for: 30s}\n"+
			"  - {name: changed, description: d, severity: INFO, condition: a > %d, for: 30s}\n"+
			"  - {name: steps, description: d, severity: INFO, sequence: [a > 5, b > 0], within: 1m}\n"+
			"  - {name: past, description: d, severity: INFO, condition: 'prev(a) == 9.0 && sum(a, \"1m\") == 29.0'}\n", more, limit)
	}
	w := newWorld(program(t, text(1, "")))
	w.sample(map[string]float64{"a": 9})
	w.sample(map[string]float64{"a": 9})
	w.sample(map[string]float64{"a": 9})
	w.Replace(program(t, text(0, "  - {name: new, description: d, severity: INFO, condition: 'prev(c) > 0 || max(b, \"1m\") > 7'}\n")))
	assert.Equal(t, []string{"kept", "steps", "past"}, w.sample(map[string]float64{"a": 2, "b": 1}))
	assert.Equal(t, 1, w.Entities())
	w.sample(map[string]float64{"a": 2, "b": 1})
	assert.NotContains(t, w.sample(map[string]float64{"a": 2, "b": 1}), "changed")
	assert.Contains(t, w.sample(map[string]float64{"a": 2, "b": 1}), "changed", "30s after it was changed")
}
