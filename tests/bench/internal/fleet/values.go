// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"math"
	"math/rand/v2"
)

const (
	rareChance   = 1.0 / 4000 // of a bump of a zero feature, per tick
	levelChance  = 1.0 / 50   // of a change of a level, per tick
	walkStep     = 0.02       // standard deviation of a walk's step, as a share of the container's scale
	scaleSpread  = 1.0        // standard deviation of the natural logarithm of the containers' scales
	limitedShare = 0.7        // of the containers have a memory limit
	idleShare    = 0.5        // of the containers do next to nothing
	idleScale    = 0.01
	slowestEvent = 1000 // ticks from event to event of the slowest slow counter
)

// source makes the values of one feature of one container, in quanta.
type source struct {
	behaviour behaviour
	scale     float64 // of a walk or the size of an event
	rate      float64 // events per tick of a slow counter
	value     float64 // of the previous tick, for those that remember
}

// newSource draws what stays the same for the life of the container.
func newSource(m *metric, idle bool, random *rand.Rand) source {
	scale := m.scale * math.Exp(scaleSpread*random.NormFloat64())
	if idle {
		scale *= idleScale
	}
	s := source{behaviour: m.behaviour, scale: max(scale, 1)}
	s.rate = math.Pow(slowestEvent, random.Float64()-1) // from one event in slowestEvent ticks to one a tick
	if m.behaviour == walk || m.behaviour == level {
		s.value = math.Round(s.scale)
	}
	return s
}

// next returns the value of the next tick. uptime is the age of the container in milliseconds.
func (s *source) next(uptime float64, random *rand.Rand) float64 {
	switch s.behaviour {
	case zero:
		return event(rareChance, 1, random)
	case slow:
		return event(s.rate, s.scale, random)
	case level:
		if random.Float64() < levelChance {
			s.value = max(0, s.value+float64(2*random.IntN(2)-1))
		}
		return s.value
	case age:
		return uptime
	default:
		// Reflected at zero and at three times the scale, so that a day does not carry it away.
		s.value = math.Round(reflect(s.value+s.scale*walkStep*random.NormFloat64(), 3*s.scale))
		return s.value
	}
}

// event returns how much happened in a tick: mostly nothing, else a few times size.
func event(chance, size float64, random *rand.Rand) float64 {
	if random.Float64() >= chance {
		return 0
	}
	return math.Ceil(size * random.ExpFloat64())
}

func reflect(value, limit float64) float64 {
	if value < 0 {
		return -value
	}
	if value > limit {
		return max(0, 2*limit-value)
	}
	return value
}
