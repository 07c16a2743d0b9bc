// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"strings"

	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
)

// contribColumns are the expressions for labels in one of contrib's layouts.
type contribColumns struct{ node, namespace, container string }

// contribQueries asks contrib's narrow tables, where each point is a row: the rows of the wanted metrics are grouped
// by sample, and each group is pivoted into columns.
func contribQueries(q question, database string, c contribColumns) queries {
	all, window := contribPivot{q.features, database}, contribPivot{fleet.Selection(), database}
	ofNode := fmt.Sprintf("%s = '%s' AND %s", c.node, q.node, q.during("TimeUnix"))
	ofContainer := fmt.Sprintf("%s AND %s = '%s'", ofNode, c.container, q.container)
	return queries{
		container:      all.plain("", ofContainer),
		containerTuned: all.array(ofContainer),
		node:           all.plain(c.container, ofNode),
		nodeTuned:      all.numbered(c.container, ofNode),
		window:         window.numbered(c.container, q.duringWindow("TimeUnix")),
		average:        contribAverage(q, database),
		joint:          contribJoint(q, database, c),
		checksum:       contribChecksum(all, c),
	}
}

// contribPivot turns rows into columns. It has three ways, which select the same: by container and time if container
// is not empty, else by time.
type contribPivot struct {
	features []fleet.Feature
	database string
}

// plain is what one would write: a conditional aggregate for each feature. avg of a sample's only row is its value and of
// no row NaN, as in our table, where any and max make it 0.
func (p contribPivot) plain(container, condition string) string {
	return p.grouped(container, "MetricName, Attributes", condition, func(i int) string {
		f := p.features[i]
		if f.Attribute == "" {
			return fmt.Sprintf("avgIf(Value, MetricName = '%s')", f.Metric)
		}
		return fmt.Sprintf("avgIf(Value, MetricName = '%s' AND Attributes['%s'] = '%s')", f.Metric, f.Attribute, f.Value)
	})
}

// numbered finds out once for each row which feature it is of. It was the cheapest for many samples.
func (p contribPivot) numbered(container, condition string) string {
	return p.grouped(container, p.position()+" AS i", condition, func(i int) string {
		return fmt.Sprintf("avgIf(Value, i = %d)", i)
	})
}

// array collects each sample in a single aggregate. It was the cheapest for few samples.
func (p contribPivot) array(condition string) string {
	return fmt.Sprintf("WITH groupArrayInsertAt(nan, %d)(Value, i) AS v\n", len(p.features)) +
		p.grouped("", p.position()+" AS i", condition, func(i int) string { return fmt.Sprintf("v[%d]", i+1) })
}

// grouped selects an expression for each feature. The expressions see the given columns of the rows.
func (p contribPivot) grouped(container, columns, condition string, feature func(int) string) string {
	key, group := "", ""
	if container != "" {
		key, group = container+" AS c, ", "c, "
	}
	features := make([]string, len(p.features))
	for i, f := range p.features {
		features[i] = feature(i) + " AS " + f.Name
	}
	return fmt.Sprintf("SELECT %stoUnixTimestamp(TimeUnix) AS t, %s\nFROM (%s)\nGROUP BY %sTimeUnix",
		group, strings.Join(features, ", "), p.rows(key+"TimeUnix, Value, "+columns, condition), group)
}

// rows selects from the tables that hold the features.
func (p contribPivot) rows(expressions, condition string) string {
	var selects []string
	for _, gauge := range []bool{false, true} {
		if names := p.metrics(gauge); names != "" {
			selects = append(selects, fmt.Sprintf("SELECT %s FROM %s WHERE %s AND MetricName IN (%s)",
				expressions, p.table(gauge), condition, names))
		}
	}
	return strings.Join(selects, "\nUNION ALL ")
}

func (p contribPivot) table(gauge bool) string {
	if gauge {
		return p.database + ".otel_metrics_gauge"
	}
	return p.database + ".otel_metrics_sum"
}

// metrics returns the names of the gauges or sums, quoted.
func (p contribPivot) metrics(gauge bool) string {
	var names []string
	for _, f := range p.features {
		if name := "'" + f.Metric + "'"; f.Gauge == gauge && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// position is the place of a row's feature among the features.
func (p contribPivot) position() string {
	numbers := make([]string, len(p.features))
	for i := range p.features {
		numbers[i] = fmt.Sprint(i)
	}
	return fmt.Sprintf("transform(%s, [%s], [%s]::Array(UInt32), 4294967295::UInt32)", pointKey, p.keys(), strings.Join(numbers, ", "))
}

// pointKey is a row's metric name, followed by the values of its attributes.
const pointKey = "concat(MetricName, ' ', arrayStringConcat(mapValues(Attributes), ' '))"

// keys returns the pointKeys of the features, quoted.
func (p contribPivot) keys() string {
	keys := make([]string, len(p.features))
	for i, f := range p.features {
		keys[i] = "'" + f.Metric + " " + f.Value + "'"
	}
	return strings.Join(keys, ", ")
}

func contribAverage(q question, database string) string {
	p := contribPivot{q.named(averageFeature), database}
	return fmt.Sprintf("SELECT toUnixTimestamp(toStartOfFiveMinutes(TimeUnix)) AS t, avg(Value) FROM %s "+
		"WHERE MetricName = '%s' GROUP BY t", p.table(p.features[0].Gauge), p.features[0].Metric)
}

// contribJoint keeps the rows above either threshold before it groups them by sample.
func contribJoint(q question, database string, c contribColumns) string {
	p := contribPivot{q.named(jointFirst, jointSecond), database}
	above := func(f fleet.Feature, value float64) string {
		return fmt.Sprintf("(MetricName = '%s' AND Attributes['%s'] = '%s' AND Value > %v)",
			f.Metric, f.Attribute, f.Value, value)
	}
	condition := above(p.features[0], firstAbove) + " OR " + above(p.features[1], secondAbove)
	return fmt.Sprintf(`SELECT namespace, count() FROM (
    SELECT any(%s) AS namespace FROM %s
    WHERE MetricName IN (%s) AND (%s)
    GROUP BY %s, TimeUnix HAVING count() = 2
) GROUP BY namespace`, c.namespace, p.table(false), p.metrics(false), condition, c.container)
}

func contribChecksum(p contribPivot, c contribColumns) string {
	names := make([]string, len(p.features))
	for i, f := range p.features {
		names[i] = "'" + f.Name + "'"
	}
	name := fmt.Sprintf("transform(%s, [%s], [%s], '?')", pointKey, p.keys(), strings.Join(names, ", "))
	return fmt.Sprintf("SELECT count(), sum(h) FROM (%s)", p.rows(fmt.Sprintf(
		"cityHash64(toString(%s), toUnixTimestamp(TimeUnix), %s, reinterpretAsUInt64(Value)) AS h", c.container, name), "1"))
}
