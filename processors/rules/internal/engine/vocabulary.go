// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nodesec/nodesec/internal/entity"
)

// scopeSet has a bit for each scope.
type scopeSet uint8

const anyScope scopeSet = 1<<entity.Node | 1<<entity.Pod | 1<<entity.Container | 1<<entity.Process

func setOf(scopes []entity.Scope) (s scopeSet) {
	for _, scope := range scopes {
		s |= 1 << scope
	}
	return s
}

// String lists the scopes in words.
func (s scopeSet) String() string {
	var names []string
	for _, scope := range entity.Scopes() {
		if s&(1<<scope) != 0 {
			names = append(names, scope.String())
		}
	}
	return strings.Join(names, " and ")
}

// known is what is known of a feature before any sample has it.
type known struct {
	scopes scopeSet
	// gauge says that it tells what is; a counter tells what happened in the window of the sample.
	gauge bool
}

// Vocabulary is the features that conditions may use.
type Vocabulary struct {
	features map[string]known
	patterns []pattern
	names    []string // sorted
}

type pattern struct {
	text *regexp.Regexp
	known
}

// NewVocabulary reads a list of features: name, kind (counter or gauge) and scopes in each line, and * at the end of a name
// for any end. Names that match one of the regular expressions of extra are features, too, of any scope.
func NewVocabulary(list string, extra []string) (*Vocabulary, error) {
	v := &Vocabulary{features: map[string]known{}}
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("list of features: %q is no name, kind and scopes", line)
		}
		f := known{gauge: words[1] == "gauge"}
		for _, scope := range entity.Scopes() {
			if slices.Contains(strings.Split(words[2], ","), scope.String()) {
				f.scopes |= 1 << scope
			}
		}
		if prefix, isPattern := strings.CutSuffix(words[0], "*"); isPattern {
			v.patterns = append(v.patterns, pattern{regexp.MustCompile("^" + regexp.QuoteMeta(prefix)), f})
			continue
		}
		v.features[words[0]] = f
		v.names = append(v.names, words[0])
	}
	slices.Sort(v.names)
	for i, text := range extra {
		expression, err := regexp.Compile("^(?:" + text + ")$")
		if err != nil {
			return nil, fmt.Errorf("extra_features[%d]: %w", i, err)
		}
		v.patterns = append(v.patterns, pattern{expression, known{scopes: anyScope}})
	}
	return v, nil
}

// find returns what is known of a feature.
func (v *Vocabulary) find(name string) (known, bool) {
	if f, ok := v.features[name]; ok {
		return f, true
	}
	for _, p := range v.patterns {
		if p.text.MatchString(name) {
			return p.known, true
		}
	}
	return known{}, false
}

// nearest returns up to three candidates that a misspelt name may have meant, the nearest first.
func nearest(name string, candidates ...[]string) []string {
	type found struct {
		name     string
		distance int
	}
	var all []found
	limit := max(2, len(name)/3)
	for _, names := range candidates {
		for _, candidate := range names {
			distance := editDistance(name, candidate, limit)
			if distance > limit && len(name) >= 5 &&
				(strings.Contains(candidate, name) || len(candidate) >= 5 && strings.Contains(name, candidate)) {
				distance = limit // a part of it
			}
			if distance <= limit {
				all = append(all, found{candidate, distance})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var nearest []string
	for _, f := range all[:min(3, len(all))] {
		nearest = append(nearest, f.name)
	}
	return nearest
}

// editDistance is how many bytes must be changed, added or removed to make a of b; above limit it may be any such number.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, ", ") + "?"
}
