// SPDX-License-Identifier: Apache-2.0

package sample

import "strings"

// maxNames is how many names of metrics are remembered. What is not remembered costs time, nothing else.
const maxNames = 1 << 14

// names are the names of metrics that were seen. They tell without a look at the points whether two sources measure the
// same, and which metrics are about quality.
//
// Metrics come in much the same order all the time, so each name remembers which one followed: a comparison instead of
// a look into a map.
type names struct {
	index map[string]int32
	known []name
}

type name struct {
	text string
	// owner is the number of the source that has metrics of this name.
	owner uint8
	// shared says that another source has, too.
	shared bool
	kind   int8
	next   int32
}

func newNames() names { return names{index: map[string]int32{}} }

// walk goes through the names of the metrics of a source, in their order.
type walk struct {
	names  *names
	source *source
	before int32 // the place of the name before, -1 at the first
}

// next tells of the next name what kind of quality it is, and whether another source has it, too.
func (w *walk) next(text string) (kind int8, shared bool) {
	n := w.names
	guess := w.source.first
	if w.before >= 0 {
		guess = n.known[w.before].next
	}
	place := guess
	if int(guess) >= len(n.known) || n.known[guess].text != text {
		if place = n.find(text, w.source.number); place < 0 {
			return kindOf(text), true
		}
		if w.before >= 0 {
			n.known[w.before].next = place
		} else {
			w.source.first = place
		}
	}
	w.before = place
	k := &n.known[place]
	if k.owner != w.source.number || k.owner == others {
		k.shared = true
	}
	return k.kind, k.shared
}

// find returns the place of a name, -1 if it is not remembered.
func (n *names) find(text string, owner uint8) int32 {
	if place, ok := n.index[text]; ok {
		return place
	}
	if len(n.known) == maxNames {
		return -1
	}
	place := int32(len(n.known))
	text = strings.Clone(text)
	n.index[text] = place
	n.known = append(n.known, name{text: text, owner: owner, kind: kindOf(text)})
	return place
}

// shared reports whether several sources have metrics of the name.
func (n *names) shared(text string) bool {
	place, ok := n.index[text]
	return !ok || n.known[place].shared
}
