// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"strings"

	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// maxTexts bounds how many texts are remembered.
const maxTexts = 1 << 16

// texts remembers texts as values of type any. The client takes one of those for each row, and converting a string to
// any allocates; the same few texts come again with every push.
type texts struct{ known map[string]any }

func (t *texts) boxed(text string) any {
	if box, ok := t.known[text]; ok {
		return box
	}
	if t.known == nil || len(t.known) >= maxTexts {
		t.known = map[string]any{}
	}
	text = strings.Clone(text) // it belongs to the metrics of this push
	var box any = text
	t.known[text] = box
	return box
}

// mapRow is a row of a Map column: entries in the order they were put. It is its own iterator.
type mapRow struct {
	keys, values []any
	next         int
}

var _ chcolumn.IterableOrderedMap = (*mapRow)(nil)

func (m *mapRow) reset() { m.keys, m.values = m.keys[:0], m.values[:0] }

// Put adds an entry.
func (m *mapRow) Put(key, value any) { m.keys, m.values = append(m.keys, key), append(m.values, value) }

// Iterator starts over.
func (m *mapRow) Iterator() chcolumn.MapIterator {
	m.next = 0
	return m
}

// Next goes to the next entry. It reports false at the end.
func (m *mapRow) Next() bool {
	m.next++
	return m.next <= len(m.keys)
}

// Key returns the key of the entry.
func (m *mapRow) Key() any { return m.keys[m.next-1] }

// Value returns the value of the entry.
func (m *mapRow) Value() any { return m.values[m.next-1] }
