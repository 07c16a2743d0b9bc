// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
)

// TestWhateverTheOrderOfArrival sends the reports of some sources about some ticks in random order, split at random and
// with random pauses. What comes out is what went in: nothing is lost or doubled, an entity's ticks are in order, and
// it has one sample per tick, but for late parts, which are marked.
func TestWhateverTheOrderOfArrival(t *testing.T) {
	for seed := range uint64(200) {
		run(t, func(c *Config) { c.MaxEntities = 8 + int(seed%40) }, func(h *harness) {
			random := rand.New(rand.NewPCG(seed, 1))
			in := map[string]int{}
			time.Sleep(30 * time.Second)
			for _, md := range reports(random) {
				count(in, md)
				h.send(md)
				if random.IntN(3) == 0 {
					h.sleep(time.Duration(random.IntN(800)) * time.Millisecond)
				}
			}
			h.sleep(time.Minute)
			out := map[string]int{}
			o := order{t: t, last: map[string]float64{}, samples: map[string]int{}}
			for _, md := range h.take() {
				count(out, md)
				for _, rm := range md.ResourceMetrics().All() {
					o.check(rm)
				}
			}
			late := h.value("sample_late")
			assert.LessOrEqual(t, o.back, late, "only late ones go back in time")
			assert.LessOrEqual(t, o.again, late, "only late ones are not the first of their tick")
			if !maps.Equal(in, out) {
				assert.Equal(t, in, out, "seed %d", seed)
			}
			assert.Zero(t, h.value("sample_entities_held"))
			assert.Zero(t, h.value("sample_duplicate_points"))
		})
	}
}

// reports returns what three sources, one of them foreign, say of ticks 1 to 8, in random order.
func reports(random *rand.Rand) (batches []pmetric.Metrics) {
	entities := []string{"node n", "container a", "container b", "container c", "pod p", "process x", "process yy"}
	for tick := 1; tick <= 8; tick++ {
		for _, scope := range []string{scopeResource, scopeSecurity, scopeKubelet} {
			if random.IntN(10) == 0 {
				continue // it left the tick out
			}
			offset := 0.0
			if scope == scopeKubelet {
				offset = 0.45 + float64(random.IntN(100))/1000
			}
			some := slices.Clone(entities)
			random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			some = some[:1+random.IntN(len(some))]
			cut := random.IntN(len(some))
			for _, part := range [][]string{some[:cut], some[cut:]} {
				if len(part) > 0 {
					batches = append(batches, one(scope, at(20+float64(tick)+offset), part...))
				}
			}
		}
	}
	// Near their order, or not at all.
	reach := []int{1, 4, len(batches)}[random.IntN(3)]
	for i := range batches {
		j := min(i+random.IntN(reach), len(batches)-1)
		batches[i], batches[j] = batches[j], batches[i]
	}
	return batches
}

// count counts the points of entities.
func count(into map[string]int, md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		id := entity.Of(rm.Resource().Attributes())
		for _, p := range pointsOf(rm) {
			if !strings.HasPrefix(p.Key, qualityPrefix) {
				into[fmt.Sprint(id.Hash, p.Key)]++
			}
		}
	}
}

// order is what was seen of the order of samples.
type order struct {
	t           *testing.T
	last        map[string]float64 // tick, by entity
	samples     map[string]int     // by entity and tick
	back, again int64
}

func (o *order) check(rm pmetric.ResourceMetrics) {
	id := entity.Of(rm.Resource().Attributes())
	name, ticks := fmt.Sprint(id.Hash), ticksOf(rm)
	if !assert.Len(o.t, ticks, 1, line(rm)) {
		return
	}
	key := fmt.Sprint(name, ticks[0])
	back, again := ticks[0] < o.last[name], o.samples[key] > 0
	o.samples[key]++
	if back {
		o.back++
	} else {
		o.last[name] = ticks[0]
	}
	if again {
		o.again++
	}
	if partial := values(rm)[namePartial]; back || again {
		assert.InDelta(o.t, 1, partial, 0, line(rm))
	}
}
