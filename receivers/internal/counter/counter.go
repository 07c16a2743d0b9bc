// SPDX-License-Identifier: Apache-2.0

// Package counter turns the kernel's running counters into what they grew by since the previous sample.
package counter

// Temporality says what Update returns.
type Temporality bool

// Delta gives the growth since the previous sample, Cumulative the counter itself.
const (
	Delta      Temporality = false
	Cumulative Temporality = true
)

// Set is the counters of one entity, in the order the caller gives them. The zero value is ready to use and treats the
// entity as older than the receiver: the growth of a counter is unknown until it was seen twice.
type Set struct {
	// Temporality says what Update returns.
	Temporality Temporality
	// Newborn says that the entity came to life after the previous tick, so that all its counters were zero then and
	// their first value is their growth. Clear it once the first sample is done.
	Newborn bool

	previous []uint64
	known    []bool
}

// Update takes the value that counter i has now and returns its growth since the previous call, and whether that is
// known. A counter that is smaller than before was reset to zero in between: its value is then the least it grew by.
func (s *Set) Update(i int, value uint64) (growth uint64, ok bool) {
	for len(s.previous) <= i {
		s.previous, s.known = append(s.previous, 0), append(s.known, false)
	}
	previous, known := s.previous[i], s.known[i]
	s.previous[i], s.known[i] = value, true
	switch {
	case s.Temporality == Cumulative:
		return value, true
	case !known:
		return value, s.Newborn
	case value < previous:
		return value, true
	}
	return value - previous, true
}
