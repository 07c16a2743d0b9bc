// SPDX-License-Identifier: Apache-2.0

package engine

import "math"

// buckets is how many parts a window has. It moves on by one part at a time, so that at the end of a part it covers the
// whole of what its name says, and a part less at the beginning.
const buckets = 30

// ring keeps a window of sums, counts or maxima. The bucket of a time is its number modulo the size.
type ring struct {
	// first is when the window began to be filled, 0 before the first value.
	first int64
	// head is the number of the newest bucket: its time divided by the length of a bucket.
	head   int64
	values [buckets]float64
	// counts are how many values there are in a bucket.
	counts [buckets]uint32
}

// add adds a value at a time; what is older than the head by a window is ignored.
func (r *ring) add(v float64, at, length int64, maximum bool) {
	bucket := at / length
	if r.first == 0 {
		r.first, r.head = at, bucket
	}
	for r.head < bucket {
		r.head = max(r.head+1, bucket-buckets+1)
		r.values[r.head%buckets], r.counts[r.head%buckets] = 0, 0
	}
	if bucket <= r.head-buckets {
		return
	}
	i := bucket % buckets
	switch {
	case !maximum:
		r.values[i] += v
	case r.counts[i] == 0 || v > r.values[i]:
		r.values[i] = v
	}
	r.counts[i]++
}

func (r *ring) sum() (sum float64) {
	for _, v := range r.values {
		sum += v
	}
	return sum
}

// average is undefined until values of half a window are there.
func (r *ring) average(at, window int64) float64 {
	if at-r.first < window/2 {
		return math.NaN()
	}
	count := uint32(0)
	for _, n := range r.counts {
		count += n
	}
	return r.sum() / float64(count)
}

func (r *ring) maximum() float64 {
	highest := math.Inf(-1)
	for i, v := range r.values {
		if r.counts[i] > 0 && v > highest {
			highest = v
		}
	}
	return highest
}
