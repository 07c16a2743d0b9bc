// SPDX-License-Identifier: Apache-2.0

package export

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/dataset"
)

// labelsByStrength has the labels as an array, the weakest first.
const labelsByStrength = "['benign', 'admin', 'overload', 'attack']"

// truth are the columns of the ground truth in the side file; label is in both files.
func truth() []string { return []string{"technique", "scenario", "step", "run", "role", "annotation"} }

// source writes the queries of one export.
type source struct {
	options  *Options
	database string
	chosen   chosen
	splits   map[string]string // group -> split
}

// view is the view with the ground truth, of a part of the time.
func (s *source) view(from, to time.Time) string {
	return clickhouse.Name(s.database) + "." + clickhouse.Name(s.options.Scope.View()) + dataset.Range(from, to)
}

// key is the group of a row.
func (s *source) key() string {
	column := map[string]string{"scenario": "scenario", "workload": "workload"}[s.options.Split]
	if column == "" {
		column = "run"
	}
	return "if(" + column + " != '', toString(" + column + "), concat('entity ', toString(entity)))"
}

// usable are the rows that have a label which is sure: those at the edge of a window are not.
const usable = "label != '' AND NOT guard"

// groups asks for all groups with what their splits are decided by.
func (s *source) groups() string {
	stratum := map[string]string{
		"run": "toString(any(scenario))", "technique": "toString(any(scenario))",
		"scenario": labelsByStrength + "[max(indexOf(" + labelsByStrength + ", label))]",
	}[s.options.Split]
	if stratum == "" {
		stratum = "''"
	}
	return "SELECT " + s.key() + " AS Key, " + stratum + " AS Stratum, toUnixTimestamp64Milli(min(ts)) AS First, " +
		"arraySort(groupUniqArrayIf(toString(technique), label = 'attack' AND technique != '')) AS Techniques FROM " +
		s.view(s.options.From, s.options.To) + " WHERE " + usable + " GROUP BY Key ORDER BY Key"
}

// split is the expression for a row's split; empty text for a row of none.
func (s *source) split() string {
	if s.options.Split == "none" {
		return "'" + all + "'"
	}
	var names []string
	members := map[string][]string{}
	for key, split := range s.splits {
		if members[split] == nil {
			names = append(names, split)
		}
		members[split] = append(members[split], key)
	}
	slices.Sort(names)
	var cases strings.Builder
	for _, name := range names {
		slices.Sort(members[name])
		fmt.Fprintf(&cases, "`#key` IN %s, '%s', ", clickhouse.Texts(members[name]), name)
	}
	return "multiIf(" + cases.String() + "'')"
}

// rows is a subquery with the rows of a part of the time: ts, entity, label, split, the side columns, and the features with
// the names that they have in the files.
func (s *source) rows(from, to time.Time, features []Column) string {
	inner := "SELECT *, " + s.key() + " AS `#key`, " + s.split() + " AS `#split` FROM " + s.view(from, to) + " WHERE " + usable
	if s.options.Window == 1 {
		return inner
	}
	return s.windows(inner, features)
}

// windows puts several ticks into one row: the strongest label, of the side columns those of the last tick, and of each feature the
// aggregates. A feature that is missing at some ticks is made of the others.
func (s *source) windows(inner string, features []Column) string {
	strength := "indexOf(" + labelsByStrength + ", label)"
	columns := []string{"max(ts) AS `#ts`", "count() AS ticks", "argMax(label, " + strength + ") AS `#label`"}
	for _, name := range truth() {
		columns = append(columns, "argMax("+name+", "+strength+") AS `#"+name+"`")
	}
	for _, column := range s.sideColumns() {
		columns = append(columns, fmt.Sprintf("argMax(%s, ts) AS %s", clickhouse.Name(column), clickhouse.Name("#"+column)))
	}
	for _, f := range features {
		name := clickhouse.Name(f.Name)
		for _, aggregate := range s.options.Aggregates {
			call := map[string]string{
				"mean": "avgOrNullIf(%[1]s, NOT isNaN(%[1]s))", "max": "maxOrNullIf(%[1]s, NOT isNaN(%[1]s))",
				"sum": "sumOrNullIf(%[1]s, NOT isNaN(%[1]s))", "last": "argMaxOrNullIf(%[1]s, ts, NOT isNaN(%[1]s))",
			}[aggregate]
			columns = append(columns, fmt.Sprintf("ifNull("+call+", nan) AS %s", name, clickhouse.Name("#"+f.Name+"_"+aggregate)))
		}
	}
	window := fmt.Sprintf("intDiv(toUnixTimestamp64Milli(ts) - 1, greatest(interval_ms, 1) * %d)", s.options.Window)
	return "SELECT *, `#ts` AS ts FROM (SELECT entity, any(`#split`) AS `#split`, " +
		strings.Join(columns, ", ") + " FROM (" + inner + ") GROUP BY entity, `#key`, " + window + ")"
}

// sideColumns are the columns of the table that stand in the side file beside ts, entity and the truth.
func (s *source) sideColumns() []string {
	var names []string
	for _, c := range s.chosen.aside {
		if c.Name != "ts" && c.Name != "entity" && c.Name != "batch" && c.Name != "more" && !strings.HasPrefix(c.Type, "Array(U") {
			names = append(names, c.Name)
		}
	}
	return names
}

// featureNames are the columns of the training file.
func (s *source) featureNames() []string {
	var names []string
	for _, f := range s.chosen.features {
		if s.options.Window == 1 {
			names = append(names, f.Name)
			continue
		}
		for _, aggregate := range s.options.Aggregates {
			names = append(names, f.Name+"_"+aggregate)
		}
	}
	return names
}

// inner is the name that a column has in the subquery of rows.
func (s *source) inner(name string) string {
	if s.options.Window == 1 {
		return clickhouse.Name(name)
	}
	return clickhouse.Name("#" + name)
}

// dataFile asks for the rows of a training file: the features and the label.
func (s *source) dataFile(from, to time.Time, split string) string {
	var columns []string
	for _, name := range s.featureNames() {
		columns = append(columns, s.inner(name)+" AS "+clickhouse.Name(name))
	}
	columns = append(columns, "toString("+s.inner("label")+") AS label")
	return s.file(from, to, split, columns, s.chosen.features)
}

// sideFile asks for what stands beside: who and when, the rest of the truth, tags, and features that are not for training. Its
// rows are those of the training file, in the same order.
func (s *source) sideFile(from, to time.Time, split string) string {
	columns := []string{"ts", "entity"}
	if s.options.Window > 1 {
		columns = append(columns, "ticks")
	}
	for _, name := range append([]string{"label"}, truth()...) {
		columns = append(columns, "toString("+s.inner(name)+") AS "+name)
	}
	for _, name := range s.sideColumns() {
		columns = append(columns, s.inner(name)+" AS "+clickhouse.Name(name))
	}
	return s.file(from, to, split, columns, nil)
}

func (s *source) file(from, to time.Time, split string, columns []string, features []Column) string {
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + s.rows(from, to, features) + ") AS r WHERE `#split` = '" + split +
		"' ORDER BY r.ts, r.entity"
}

// counts asks how many rows of each split, label and technique a part of the time has.
func (s *source) counts(from, to time.Time) string {
	return "SELECT `#split` AS Split, toString(" + s.inner("label") + ") AS Label, toString(" + s.inner("technique") + ") AS Technique, " +
		"count() AS Rows FROM (" + s.rows(from, to, nil) + ") WHERE `#split` != '' GROUP BY Split, Label, Technique ORDER BY Split, Label, Technique"
}
