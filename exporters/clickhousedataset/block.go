// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"maps"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/internal/entity"
)

// maxKnownColumns bounds what a block remembers between two pushes. A sender that never repeats an attribute would fill
// the memory otherwise; past this the block starts afresh.
const maxKnownColumns = 4096

// block holds the rows of one push for one table, column by column. A row is an entity at a time. Blocks are reused:
// reset empties the columns but keeps their memory and what is known of the features.
type block struct {
	scope entity.Scope
	rows  map[rowID]int

	ts       []int64 // milliseconds since the epoch
	interval []uint32
	entity   []uint64
	resource []int32 // index into resources

	resources []resource

	// known finds a column by what a data point says, in the order it says it; byKey by the key of the feature.
	known map[string]series
	byKey map[string]*column
	// zeros are the columns of the features whose zeros may be left out, by number; nil until they are needed.
	zeros []*column
	// used are the columns that have a value in this push, in order of their keys once sealed.
	used []*column

	values     int // in the columns of numbers
	missing    int // values that are NaN, which reads as missing
	duplicates int // values that took the place of another of the same row and feature
}

type rowID struct {
	entity uint64
	ts     int64
}

// column is one feature's values. Which of the slices has them depends on the type of the column.
type column struct {
	feature Feature
	key     string
	used    bool

	values []float64 // as long as the last row that has one, the rows between without one are NaN
	floats [][]float64
	counts [][]uint64
}

// series are the columns of a data point: one for a number, one for each part of a histogram or summary.
type series []*column

func newBlock(scope entity.Scope) *block {
	return &block{
		scope: scope,
		rows:  map[rowID]int{},
		known: map[string]series{},
		byKey: map[string]*column{},
	}
}

func (b *block) len() int { return len(b.ts) }

// row returns the index of the row of the entity at ts, which it adds if there is none. Of two resources that stand for
// the same entity, both are kept.
func (b *block) row(id uint64, ts int64, resource int32) int {
	key := rowID{entity: id, ts: ts}
	if row, ok := b.rows[key]; ok {
		if b.resource[row] != resource {
			b.resource[row] = b.merged(b.resource[row], resource)
		}
		return row
	}
	row := len(b.ts)
	b.rows[key] = row
	b.ts = append(b.ts, ts)
	b.entity = append(b.entity, id)
	b.interval = append(b.interval, 0)
	b.resource = append(b.resource, resource)
	return row
}

// addResource adds the resource and returns its index. The memory of the previous push is reused.
func (b *block) addResource() (*resource, int32) {
	if len(b.resources) < cap(b.resources) {
		b.resources = b.resources[:len(b.resources)+1]
	} else {
		b.resources = append(b.resources, resource{})
	}
	last := len(b.resources) - 1
	return &b.resources[last], int32(last)
}

// merged returns the index of a resource that says what both say.
func (b *block) merged(first, second int32) int32 {
	r, index := b.addResource() // may move the others
	r.set(&b.resources[first])
	r.merge(&b.resources[second])
	return index
}

// column returns the column of the feature.
func (b *block) column(f Feature) *column {
	key := f.Key()
	c, ok := b.byKey[key]
	if !ok {
		c = &column{feature: f, key: key}
		b.byKey[key] = c
	}
	return c
}

// set gives the column a value in a row. If there is one already, the last one stays.
func (b *block) set(c *column, row int, value float64) {
	b.use(c)
	if math.IsNaN(value) {
		b.missing++
	} else {
		b.values++
	}
	if row >= len(c.values) {
		c.values = append(pad(c.values, row, math.NaN()), value)
		return
	}
	if !math.IsNaN(c.values[row]) {
		b.duplicates++
		b.values--
	}
	c.values[row] = value
}

func (b *block) setFloats(c *column, row int, values []float64) {
	b.use(c)
	c.floats = pad(c.floats, row+1, nil)
	c.floats[row] = values
}

func (b *block) setCounts(c *column, row int, values []uint64) {
	b.use(c)
	c.counts = pad(c.counts, row+1, nil)
	c.counts[row] = values
}

func (b *block) use(c *column) {
	if !c.used {
		c.used = true
		b.used = append(b.used, c)
	}
}

// seal completes the columns to the same length and puts them in order.
func (b *block) seal() {
	slices.SortFunc(b.used, func(x, y *column) int { return strings.Compare(x.key, y.key) })
	for _, c := range b.used {
		switch c.feature.ColumnType() {
		case typeFloat:
			c.values = pad(c.values, b.len(), math.NaN())
		case typeFloats:
			c.floats = pad(c.floats, b.len(), nil)
		case typeCounts:
			c.counts = pad(c.counts, b.len(), nil)
		}
	}
}

const millisecondsPerDay = 24 * 60 * 60 * 1000

// days returns the rows by day (UTC), in the order of the days. Nearly always that is the sealed block itself.
func (b *block) days() []*block {
	first := b.ts[0] / millisecondsPerDay
	if !slices.ContainsFunc(b.ts, func(ts int64) bool { return ts/millisecondsPerDay != first }) {
		return []*block{b}
	}
	byDay := map[int64]*block{}
	for row, ts := range b.ts {
		day, ok := byDay[ts/millisecondsPerDay]
		if !ok {
			day = newBlock(b.scope)
			day.resources = b.resources
			byDay[ts/millisecondsPerDay] = day
		}
		b.copyRow(row, day)
	}
	var days []*block
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		byDay[day].seal()
		days = append(days, byDay[day])
	}
	return days
}

// copyRow appends the row to a block that shares the resources and gets all columns, even where it has no value: so
// the features keep their places.
func (b *block) copyRow(row int, to *block) {
	n := to.row(b.entity[row], b.ts[row], b.resource[row])
	to.interval[n] = b.interval[row]
	for _, c := range b.used {
		switch column := to.column(c.feature); c.feature.ColumnType() {
		case typeFloat:
			to.set(column, n, c.values[row])
		case typeFloats:
			to.setFloats(column, n, c.floats[row])
		case typeCounts:
			to.setCounts(column, n, c.counts[row])
		}
	}
}

// reset empties the block for the next push and lets go of what belongs to the last one.
func (b *block) reset() {
	for _, c := range b.used {
		c.used = false
		c.values = c.values[:0]
		clear(c.floats)
		clear(c.counts)
		c.floats, c.counts = c.floats[:0], c.counts[:0]
	}
	clear(b.used)
	b.used = b.used[:0]
	clear(b.rows)
	b.ts, b.interval, b.entity, b.resource = b.ts[:0], b.interval[:0], b.entity[:0], b.resource[:0]
	for i := range b.resources {
		b.resources[i].reset()
	}
	b.resources = b.resources[:0]
	b.values, b.missing, b.duplicates = 0, 0, 0
	if len(b.known) > maxKnownColumns || len(b.byKey) > maxKnownColumns {
		*b = *newBlock(b.scope)
	}
}

func pad[T any](values []T, length int, with T) []T {
	for len(values) < length {
		values = append(values, with)
	}
	return values
}

// resource is what the resource attributes say of a row. The strings share memory with the attributes.
type resource struct {
	identity entity.Identity
	created  int64 // start of a process in milliseconds since the epoch, 0 if unknown
	severity string
	rules    []string
	// techniques are ATT&CK technique IDs.
	techniques []string
	attributes []extra
}

// extra is a resource attribute that has no column.
type extra struct{ key, value string }

func (r *resource) set(other *resource) {
	r.identity, r.created, r.severity = other.identity, other.created, other.severity
	r.rules = append(r.rules[:0], other.rules...)
	r.techniques = append(r.techniques[:0], other.techniques...)
	r.attributes = append(r.attributes[:0], other.attributes...)
}

// merge adds what other says. Where both say something of the same attribute, other wins.
func (r *resource) merge(other *resource) {
	r.identity.Merge(&other.identity)
	if r.created == 0 {
		r.created = other.created
	}
	if other.severity != "" {
		r.severity = other.severity
	}
	r.rules = union(r.rules, other.rules)
	r.techniques = union(r.techniques, other.techniques)
	for _, a := range other.attributes {
		i := slices.IndexFunc(r.attributes, func(mine extra) bool { return mine.key == a.key })
		if i < 0 {
			r.attributes = append(r.attributes, a)
		} else {
			r.attributes[i].value = a.value
		}
	}
}

func (r *resource) reset() {
	clear(r.rules)
	clear(r.techniques)
	clear(r.attributes)
	*r = resource{rules: r.rules[:0], techniques: r.techniques[:0], attributes: r.attributes[:0]}
}

func union(a, b []string) []string {
	for _, text := range b {
		if !slices.Contains(a, text) {
			a = append(a, text)
		}
	}
	return a
}

func appendStrings(to []string, value pcommon.Value) []string {
	if value.Type() != pcommon.ValueTypeSlice {
		return append(to, value.AsString())
	}
	for _, element := range value.Slice().All() {
		to = append(to, element.AsString())
	}
	return to
}
