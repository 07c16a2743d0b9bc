// SPDX-License-Identifier: Apache-2.0

package counter

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUpdate(t *testing.T) {
	type result struct {
		growth uint64
		ok     bool
	}
	for _, tt := range []struct {
		name   string
		set    Set
		values []uint64
		want   []result
	}{
		{"the first value of an old entity tells no growth", Set{}, []uint64{5, 7}, []result{{5, false}, {2, true}}},
		{"the first value of a new entity is its growth", Set{Newborn: true}, []uint64{5, 7}, []result{{5, true}, {2, true}}},
		{"a counter that stands still grew by zero", Set{}, []uint64{5, 5}, []result{{5, false}, {0, true}}},
		{"a reset counter grew by at least its value", Set{}, []uint64{5, 9, 3}, []result{{5, false}, {4, true}, {3, true}}},
		{"cumulative gives the counter", Set{Temporality: Cumulative}, []uint64{5, 9, 3}, []result{{5, true}, {9, true}, {3, true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, value := range tt.values {
				growth, ok := tt.set.Update(2, value)
				assert.Equal(t, tt.want[i].ok, ok)
				if ok {
					assert.Equal(t, tt.want[i].growth, growth)
				}
			}
		})
	}
}

func TestUpdateDoesNotAllocateOnceWarm(t *testing.T) {
	var set Set
	set.Update(9, 1)
	assert.Zero(t, testing.AllocsPerRun(100, func() { set.Update(3, 2) }))
}
