// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/entity"
)

const (
	benchRules    = 200
	benchEntities = 1000
)

// benchVocabulary has features f0 to f199.
func benchVocabulary(b testing.TB) *Vocabulary {
	var list strings.Builder
	for i := range benchRules {
		fmt.Fprintf(&list, "f%d counter container\n", i)
	}
	v, err := NewVocabulary(list.String(), nil)
	require.NoError(b, err)
	return v
}

// stateless is what a rule without a past looks like.
func stateless(i int) string {
	return fmt.Sprintf(`f%d > 90 && (f%d > 95 || f%d / (f%d + 1) > 0.5) && namespace != "kube-system"`,
		i, (i+1)%benchRules, (i+2)%benchRules, (i+3)%benchRules)
}

// benchText are 200 rules. Every fourth one has a past if past is set: as many as the default pack has.
func benchText(past bool) string {
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range benchRules {
		condition, more := stateless(i), ""
		if past {
			switch i % 20 {
			case 3:
				condition = fmt.Sprintf(`sum(f%d, "5m") > 5000 && f%d > 3`, i, i)
			case 7:
				condition = fmt.Sprintf(`zscore(f%d) > 6 && f%d > 3`, i, i)
			case 11:
				condition = fmt.Sprintf(`prev(f%d) < 1 && rate(f%d) > 90`, i, i)
			case 15:
				condition = fmt.Sprintf(`max(f%d, "10m") > 90 && avg(f%d, "10m") > 80`, i, i)
			case 19:
				more = ", for: 30s, keep_firing_for: 1m"
			}
		}
		fmt.Fprintf(&text, "  - {name: r%d, description: d, severity: WARN, condition: %q%s}\n", i, condition, more)
	}
	return text.String()
}

// tick evaluates a sample of each entity.
func benchTick(e *Engine, slots []int32, ids []entity.Identity, at int64) (fired int) {
	for i := range ids {
		s := e.Begin()
		s.Identity, s.Time = &ids[i], at
		for j, slot := range slots {
			e.Set(slot, float64((i*7+j*13)%100), 10)
		}
		fired += len(e.Evaluate())
	}
	return fired
}

func benchWorld(b testing.TB, past, stock bool) (e *Engine, slots []int32, ids []entity.Identity) {
	p, err := compile(setOfText(b, benchText(past)), benchVocabulary(b), stock)
	require.NoError(b, err)
	e = NewEngine(p, Settings{TTL: 15 * time.Minute, MaxEntities: 2 * benchEntities})
	for i := range benchRules {
		if slot, ok := p.Feature(fmt.Sprintf("f%d", i)); ok {
			slots = append(slots, slot)
		}
	}
	for i := range benchEntities {
		ids = append(ids, entity.Identity{
			Scope: entity.Container, Hash: uint64(i), Namespace: "shop", Workload: fmt.Sprint("w", i/10), Container: "app",
		})
	}
	return e, slots, ids
}

// BenchmarkTick is 200 rules over 1,000 entities; ns/eval is the time per rule and entity, state and all.
func BenchmarkTick(b *testing.B) {
	for _, bb := range []struct {
		name        string
		past, stock bool
	}{{"stateless", false, false}, {"with_past", true, false}, {"stateless_by_CEL", false, true}} {
		b.Run(bb.name, func(b *testing.B) {
			e, slots, ids := benchWorld(b, bb.past, bb.stock)
			at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()
			benchTick(e, slots, ids, at)
			b.ReportAllocs()
			for b.Loop() {
				at += 10e9
				benchTick(e, slots, ids, at)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRules/benchEntities, "ns/eval")
		})
	}
}

// BenchmarkFloor is what the stateless rules cost as Go code that was written for them.
func BenchmarkFloor(b *testing.B) {
	var rules []func(f []float64, namespace string) bool
	for i := range benchRules {
		j, k, l := (i+1)%benchRules, (i+2)%benchRules, (i+3)%benchRules
		rules = append(rules, func(f []float64, namespace string) bool {
			return f[i] > 90 && (f[j] > 95 || f[k]/(f[l]+1) > 0.5) && namespace != "kube-system"
		})
	}
	f := make([]float64, benchRules)
	fired := 0
	b.ReportAllocs()
	for b.Loop() {
		for i := range benchEntities {
			for j := range f {
				f[j] = float64((i*7 + j*13) % 100)
			}
			for _, r := range rules {
				if r(f, "shop") {
					fired++
				}
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRules/benchEntities, "ns/eval")
}

func TestEvaluationDoesNotAllocate(t *testing.T) {
	e, slots, ids := benchWorld(t, true, false)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	ids = ids[:50]
	for range 3 {
		at += 10e9
		assert.Positive(t, benchTick(e, slots, ids, at))
	}
	assert.Zero(t, testing.AllocsPerRun(20, func() {
		at += 10e9
		benchTick(e, slots, ids, at)
	}))
}
