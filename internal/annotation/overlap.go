// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Overlap is a pair of annotations that may be about the same entity at the same time, and of which the one is not meant
// to refine the other.
type Overlap struct{ First, Second *Annotation }

// String names both rows exactly.
func (o Overlap) String() string {
	return fmt.Sprintf("%s overlaps %s from %s to %s", o.First.describe(), o.Second.describe(),
		timeText(later(o.First, o.Second)), timeText(earlier(o.First, o.Second)))
}

func (a *Annotation) describe() string {
	text := fmt.Sprintf("%s (%s", a.ID, a.Label)
	for _, part := range []string{a.Technique, a.Run, a.Step} {
		if part != "" {
			text += " " + part
		}
	}
	return text + ")"
}

// Overlaps returns the overlaps of the added annotations with each other and with those that are there, which must be
// without retractions. Within a run only windows of the same level and with different labels or techniques count: a
// step inside the window of its run is as it should be.
func Overlaps(added, there []Annotation) []Overlap {
	type window struct {
		*Annotation
		added bool
	}
	var all []window
	for i := range added {
		if added[i].Retracts == "" {
			all = append(all, window{&added[i], true})
		}
	}
	for i := range there {
		all = append(all, window{&there[i], false})
	}
	slices.SortStableFunc(all, func(a, b window) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	var found []Overlap
	var open []window // those that began before and are not over
	for _, w := range all {
		open = slices.DeleteFunc(open, func(o window) bool { return !o.End.After(w.Start) })
		for _, o := range open {
			if (o.added || w.added) && o.conflicts(w.Annotation) {
				found = append(found, Overlap{o.Annotation, w.Annotation})
			}
		}
		open = append(open, w)
	}
	return found
}

// conflicts is for two windows that overlap in time.
func (a *Annotation) conflicts(b *Annotation) bool {
	if a.ID == b.ID || !a.mayMeet(&b.Selector) {
		return false
	}
	if a.Run != b.Run || a.Run == "" {
		return true
	}
	return a.Level() == b.Level() && (a.Label != b.Label || a.Technique != b.Technique)
}

func later(a, b *Annotation) time.Time {
	if a.Start.After(b.Start) {
		return a.Start
	}
	return b.Start
}

func earlier(a, b *Annotation) time.Time {
	if a.End.Before(b.End) {
		return a.End
	}
	return b.End
}
