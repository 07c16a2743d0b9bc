// SPDX-License-Identifier: Apache-2.0

package engine

import "math"

const (
	// warmUpSamples and warmUpTime are what a baseline needs before it is one.
	warmUpSamples = 30
	warmUpTime    = 5 * 60e9
	// clipFrom is the number of samples from which on a baseline no longer follows outliers.
	clipFrom = 10
	// clip is how many scales a sample can be off and be taken for what it is; what is further off counts as if it were there.
	clip = 3
	// perDeviation makes a mean absolute deviation a standard deviation, for a normal distribution.
	perDeviation = 1.2533141373155003 // sqrt(pi/2)
	// maxScore bounds a score.
	maxScore = 100
	// timeConstant is that of the baseline of an entity, peersTimeConstant that of a workload, in nanoseconds.
	timeConstant      = 3600e9
	peersTimeConstant = 600e9
	// minPeers is how many entities make a baseline of their workload.
	minPeers = 3
)

// baseline is a robust mean and scale with exponential forgetting: Huber's idea, one value at a time.
//
//	d      = clip(x - center, -3 scale, 3 scale)
//	center += a d
//	spread += a (1.2533 |d| - spread)
//	a      = max(1/(n+1), 1 - exp(-dt/1h)), so that it is a plain mean at first
//	scale  = max(spread, 5 % of |center|, 1 % of the largest |x| of late)
//	score  = (x - center) / scale, at most 100
//
// The score of a sample is that before the sample became part of the baseline. Clipping begins with the tenth sample: an
// outlier moves the center by at most 3 a scales, while a new level is learnt within some time constants.
type baseline struct {
	center, spread, largest float64
	first, last             int64
	samples                 uint32
}

func (b *baseline) scale() float64 {
	return max(b.spread, 0.05*math.Abs(b.center), 0.01*b.largest)
}

// score returns how many scales x is above the baseline, NaN before it is one.
func (b *baseline) score(x float64, at int64) float64 {
	if b.samples < warmUpSamples || at-b.first < warmUpTime {
		return math.NaN()
	}
	d, scale := x-b.center, b.scale()
	if d == 0 {
		return 0
	}
	if scale == 0 { // it has never been anything but zero
		return math.Copysign(maxScore, d)
	}
	return min(max(d/scale, -maxScore), maxScore)
}

// add makes x part of the baseline. elapsed is the time that it stands for, in nanoseconds.
func (b *baseline) add(x float64, at int64, elapsed, constant float64) {
	if b.samples == 0 {
		*b = baseline{center: x, largest: math.Abs(x), first: at, last: at, samples: 1}
		return
	}
	a := max(1/float64(b.samples+1), 1-math.Exp(-elapsed/constant))
	d := x - b.center
	if b.samples >= clipFrom {
		limit := clip * b.scale()
		if limit == 0 {
			limit = clip * 0.01 * math.Abs(x)
		}
		d = min(max(d, -limit), limit)
	}
	b.center += a * d
	b.spread += a * (perDeviation*math.Abs(d) - b.spread)
	b.largest = max(math.Abs(x), b.largest*(1-a))
	b.last = at
	b.samples++
}

// group is the entities of one workload on one node.
type group struct {
	key       uint64
	members   int
	baselines []baseline
}
