// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"strings"

	"github.com/nodesec/nodesec/internal/entity"
)

const (
	// others is the number of all instrumentation scopes that came after others different ones.
	others = 63
	// maxScopes is how many instrumentation scopes are remembered.
	maxScopes = 1024
)

// source is an instrumentation scope, such as that of a receiver.
type source struct {
	scope string
	// number tells sources apart; it is below others.
	number uint8
	// delivers has the bits of the configured sources that it is.
	delivers uint64
	// middle is the phase from which timestamps of this source belong to the next point of the grid. See round.
	middle uint64
	// first is the name that its metrics began with the last time.
	first int32
}

// sources are the instrumentation scopes that were seen.
type sources struct {
	configured []string // by bit
	interval   uint64
	byScope    map[string]*source
}

// newSources returns the sources, and of each scope the bits of those that it waits for.
func newSources(cfg *SourcesConfig, interval uint64) (s sources, required [scopes]uint64) {
	s = sources{interval: interval, byScope: map[string]*source{}}
	bits := map[string]uint64{}
	for scope, names := range cfg.byScope() {
		for _, name := range names {
			if bits[name] == 0 {
				bits[name] = 1 << len(s.configured)
				s.configured = append(s.configured, name)
			}
			required[entity.Scope(scope)] |= bits[name]
		}
	}
	return s, required
}

// find returns the source of an instrumentation scope.
func (s *sources) find(scope string) *source {
	if found := s.byScope[scope]; found != nil {
		return found
	}
	made := &source{scope: strings.Clone(scope), middle: s.interval / 2, number: uint8(min(len(s.byScope), others))}
	for bit, name := range s.configured {
		if isOrIsIn(name, scope) {
			made.delivers |= 1 << bit
		}
	}
	if len(s.byScope) < maxScopes {
		s.byScope[made.scope] = made
	}
	return made
}

// isOrIsIn reports whether name is the path or one of its elements.
func isOrIsIn(name, path string) bool {
	if name == path {
		return true
	}
	for element := range strings.SplitSeq(path, "/") {
		if element == name {
			return true
		}
	}
	return false
}

// round returns the point of the grid that a timestamp belongs to, the nearest one. A source that measures just between
// two points would now be before the middle and now after it, so that a point of the grid had two of its measurements
// and the next one none. Therefore the middle moves away from what was last rounded, by up to a quarter of an interval.
func (s *source) round(timestamp, interval uint64) (number int64) {
	number, phase := int64(timestamp/interval), timestamp%interval
	quarter := interval / 4
	up := phase >= s.middle
	if phase >= quarter && phase < interval-quarter {
		s.middle = interval - quarter
		if up {
			s.middle = quarter
		}
	}
	if up {
		number++
	}
	return number
}
