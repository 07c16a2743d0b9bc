// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nodesec/nodesec/receivers/internal/counter"
)

// plugged are the devices present in a pass and the value of their one counter.
type plugged map[string]uint64

func pass(s *deviceSums, devices plugged) (total uint64) {
	s.begin()
	for name, value := range devices {
		s.add([]byte(name), value)
	}
	s.end()
	return s.totals[0]
}

func TestDeviceSums(t *testing.T) {
	for _, tt := range []struct {
		name   string
		passes []plugged
		// grown is what the total grew by in each pass after the first.
		grown []uint64
	}{
		{"devices add up", []plugged{{"sda": 10, "sdb": 100}, {"sda": 11, "sdb": 102}}, []uint64{3}},
		{"a device that appears started at zero", []plugged{{"sda": 10}, {"sda": 11, "sdb": 500}, {"sda": 11, "sdb": 503}},
			[]uint64{501, 3}},
		{"a device that vanishes takes nothing away", []plugged{{"sda": 10, "sdb": 500}, {"sda": 11}, {"sda": 12}},
			[]uint64{1, 1}},
		{"a device that comes back started at zero again",
			[]plugged{{"sda": 10, "sdb": 500}, {"sda": 10}, {"sda": 10, "sdb": 7}}, []uint64{0, 7}},
		{"a reset counts from zero, whatever the others do", []plugged{{"sda": 10, "sdb": 500}, {"sda": 9000, "sdb": 20}},
			[]uint64{8990 + 20}},
		{"one replaced by another", []plugged{{"sda": 10}, {"sdb": 4}}, []uint64{4}},
		{"no device at all", []plugged{{}, {}, {"sda": 3}}, []uint64{0, 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newDeviceSums(1)
			total := pass(&s, tt.passes[0])
			for i, devices := range tt.passes[1:] {
				next := pass(&s, devices)
				assert.Equal(t, tt.grown[i], next-total)
				assert.Len(t, s.devices, len(devices), "those that vanished are forgotten")
				total = next
			}
		})
	}
}

func TestDeviceSumsOfNarrowCountersGoOnPast32Bits(t *testing.T) {
	s := newDeviceSums(2, 1)
	for _, value := range []uint64{1<<32 - 10, 5, 1<<32 - 1, 3} {
		s.begin()
		s.add([]byte("sda"), 0, value)
		s.end()
	}
	assert.Equal(t, uint64(2<<32+3), s.totals[1])
}

func TestDevicePointsFollowTheTemporality(t *testing.T) {
	s := newDeviceSums(1)
	s.begin()
	d := s.add([]byte("sda"), 10)
	_, ok := d.point(0, counter.Delta)
	assert.False(t, ok, "the growth of the first value is not known")
	value, ok := d.point(0, counter.Cumulative)
	assert.True(t, ok)
	assert.Equal(t, int64(10), value)

	s.begin()
	d = s.add([]byte("sda"), 13)
	value, ok = d.point(0, counter.Delta)
	assert.True(t, ok)
	assert.Equal(t, int64(3), value)
}

func TestDeviceSumsDoNotAllocateOnceWarm(t *testing.T) {
	s := newDeviceSums(3, 2)
	name := []byte("sda")
	scrape := func() { s.begin(); s.add(name, 1, 2, 3); s.end() }
	scrape()
	assert.Zero(t, testing.AllocsPerRun(100, scrape))
}

func TestRisingCounterStandsStillWhereTheKernelGoesBack(t *testing.T) {
	var c risingCounter
	for _, step := range []struct{ value, want uint64 }{{100, 100}, {110, 110}, {108, 110}, {115, 117}, {115, 117}} {
		assert.Equal(t, step.want, c.update(step.value))
	}
}

func TestWideCounter(t *testing.T) {
	var c wideCounter
	for _, step := range []struct {
		name        string
		value, want uint64
	}{
		{"starts anywhere", 1<<32 - 100, 1<<32 - 100},
		{"rises", 1<<32 - 1, 1<<32 - 1},
		{"starts again from zero", 4, 1<<32 + 4},
		{"rises again", 1<<32 - 1, 2<<32 - 1},
		{"a second time", 2, 2<<32 + 2},
		{"a small fall is a reset", 1, 1},
	} {
		assert.Equal(t, step.want, c.update(step.value), step.name)
	}
}

func TestWideCounterOfASumOfSoftIRQs(t *testing.T) {
	var c wideCounter
	one, other := uint64(1<<32-5), uint64(3_000_000_000)
	before := c.update(one + other)
	assert.Equal(t, uint64(12), c.update(7-5+5+other)-before, "one of the CPUs started again")
}
