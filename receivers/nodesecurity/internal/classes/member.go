// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// member is an effective member of a class and where the configuration says so.
type member[T comparable] struct {
	class int
	key   string // "persistence+[3]"
	value T
}

// section is one section of the configuration: its classes in the order of their bits and their members.
type section[T comparable] struct {
	name     string
	classes  []string
	defaults map[string][]T
	changes  map[string][]T
}

// members lists the effective members of all classes, class by class.
func (s section[T]) members() ([]member[T], error) {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(s.changes)) {
		if name := strings.TrimRight(key, "+-"); len(key)-len(name) > 1 || !slices.Contains(s.classes, name) {
			errs = append(errs, s.unknown(key, name))
		}
	}
	var all []member[T]
	for class, name := range s.classes {
		base, replaced := s.changes[name]
		if !replaced {
			base = s.defaults[name]
		}
		of := appendMembers(nil, class, name, base)
		of = appendMembers(of, class, name+"+", s.changes[name+"+"])
		for i, value := range s.changes[name+"-"] {
			left := slices.DeleteFunc(slices.Clone(of), func(m member[T]) bool { return m.value == value })
			if len(left) == len(of) {
				errs = append(errs, fmt.Errorf("%s.%s-[%d]: must be a member of the class, got %#v", s.name, name, i, value))
			}
			of = left
		}
		all = append(all, of...)
	}
	return all, errors.Join(errs...)
}

func appendMembers[T comparable](members []member[T], class int, key string, values []T) []member[T] {
	for i, value := range values {
		members = append(members, member[T]{class: class, key: fmt.Sprintf("%s[%d]", key, i), value: value})
	}
	return members
}

func (s section[T]) unknown(key, name string) error {
	hint := ""
	if near := nearest(name, s.classes); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("%s.%s: must be one of %q, or one of them with a \"+\" or \"-\" at its end, got %q%s",
		s.name, key, s.classes, key, hint)
}

// compileMembers hands every effective member to add and puts the place of the member in front of add's errors.
func compileMembers[T comparable](s section[T], add func(class int, value T) error) error {
	members, err := s.members()
	errs := []error{err}
	for _, m := range members {
		if err := add(m.class, m.value); err != nil {
			errs = append(errs, fmt.Errorf("%s.%s: %w", s.name, m.key, err))
		}
	}
	return errors.Join(errs...)
}

// nearest is the known name that differs from the given one in the fewest letters, if those are at most a third.
func nearest(name string, known []string) string {
	best, least := "", len(name)/3+1
	for _, candidate := range known {
		if d := distance(name, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace to make b out of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
