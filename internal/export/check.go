// SPDX-License-Identifier: Apache-2.0

package export

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
)

// maxAUC is how well one column alone may separate attacks from the rest.
const maxAUC = 0.99

// checkedRows is about how many rows are looked at to see what columns tell; of more, a part that hashes decide.
const checkedRows = 200_000

// Report is what the check found.
type Report struct {
	// Failures keep the data from being exported; each begins with the column, or the check that failed.
	Failures []Finding `json:"failures"`
	// Accepted are failures that were said to be known, with the reasons given.
	Accepted []Finding `json:"accepted"`
	// Warnings are worth knowing.
	Warnings []Finding `json:"warnings"`
	// Separation has the columns that alone tell attacks apart, the best first.
	Separation []Separation `json:"separation"`
	// Columns has what is missing and what never changes.
	Columns []Quality `json:"columns"`
	// Rows were looked at, of Total; Duplicates is how many have the same features and label as another one.
	Rows       int64 `json:"rows"`
	Total      int64 `json:"total"`
	Duplicates int64 `json:"duplicates"`
	// Windows with a mark, and by how many ticks the agent saw them late at most (early, below 0).
	Marks int `json:"marks"`
	Late  int `json:"late"`
}

// Finding is one thing that was found.
type Finding struct {
	Check  string `json:"check"` // a column's name, or classes, entities, runs, alignment
	Text   string `json:"text"`
	Reason string `json:"reason,omitempty"` // why it is accepted
}

// Separation is how well a column alone tells attacks from the rest: the area under the ROC curve of its value, or of
// its opposite, whichever is larger. 0.5 is a guess, 1 never wrong. Of a text it is that of the best order of its values.
type Separation struct {
	Column string  `json:"column"`
	AUC    float64 `json:"auc"`
}

// Quality is what a column of the training files is like.
type Quality struct {
	Column   string  `json:"column"`
	Missing  float64 `json:"missing"` // share of rows
	Constant bool    `json:"constant"`
}

type checker struct {
	client      clickhouse.Client
	source      *source
	interval    time.Duration
	counts      []Count
	annotations annotation.Store
	report      Report
}

func (c *checker) run(ctx context.Context) (*Report, error) {
	c.classes()
	for _, check := range []func(context.Context) error{c.tornApart, c.alignment, c.separation, c.texts, c.quality} {
		if err := check(ctx); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.report.Separation, func(a, b Separation) int {
		if a.AUC != b.AUC {
			return int((b.AUC - a.AUC) * 1e9)
		}
		return strings.Compare(a.Column, b.Column)
	})
	return &c.report, nil
}

// fail notes a failure, which is none where it is accepted.
func (c *checker) fail(check, format string, arguments ...any) {
	finding := Finding{Check: check, Text: fmt.Sprintf(format, arguments...)}
	if reason, accepted := c.source.options.Accepted[check]; accepted {
		finding.Reason = reason
		c.report.Accepted = append(c.report.Accepted, finding)
		return
	}
	c.report.Failures = append(c.report.Failures, finding)
}

// classes looks for splits without attacks, or with nothing else.
func (c *checker) classes() {
	have := map[string]map[bool]int64{}
	for _, n := range c.counts {
		if have[n.Split] == nil {
			have[n.Split] = map[bool]int64{}
		}
		have[n.Split][n.Label == string(annotation.Attack)] += n.Rows
		c.report.Total += n.Rows
	}
	names := slices.Sorted(maps.Keys(have))
	if c.source.options.Split != "none" {
		names = nil
		for i, name := range []string{train, validation, test} {
			if c.source.options.Shares[i] > 0 {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		if have[name][true] == 0 || have[name][false] == 0 {
			c.fail("classes", "the split %s has %d rows of attacks and %d of other things; both must be there", name, have[name][true], have[name][false])
		} else if share := float64(have[name][true]) / float64(have[name][true]+have[name][false]); share < 0.01 || share > 0.99 {
			c.report.Warnings = append(c.report.Warnings, Finding{Check: "classes",
				Text: fmt.Sprintf("%.2f %% of the rows of %s are attacks", 100*share, name)})
		}
	}
}

// base is all rows of all splits, or a part of them.
func (c *checker) base(features []Column) string {
	o := c.source.options
	text := "(" + c.source.rows(o.From, o.To, features) + ") AS r WHERE `#split` != ''"
	if k := c.report.Total / checkedRows; k > 1 {
		text += fmt.Sprintf(" AND cityHash64(r.entity, toUnixTimestamp64Milli(r.ts)) %% %d = 0", k)
	}
	return text
}

// tornApart looks for entities and runs in two splits.
func (c *checker) tornApart(ctx context.Context) error {
	if c.source.options.Split == "none" {
		return nil
	}
	type row struct {
		Name   string
		Splits []string
	}
	for check, column := range map[string]string{"entities": "toString(r.entity)", "runs": "toString(" + c.source.inner("run") + ")"} {
		o := c.source.options
		rows, err := clickhouse.Select[row](ctx, c.client, query("SELECT "+column+" AS Name, arraySort(groupUniqArray(`#split`)) AS Splits FROM ("+
			c.source.rows(o.From, o.To, nil)+") AS r WHERE `#split` != '' AND Name != '' GROUP BY Name HAVING length(Splits) > 1 ORDER BY Name LIMIT 3"))
		if err != nil {
			return fmt.Errorf("look for %s in two splits: %w", check, err)
		}
		for _, r := range rows {
			c.fail(check, "%s is in the splits %s", r.Name, strings.Join(r.Splits, " and "))
		}
	}
	return nil
}

// alignment compares when windows began with when the agent saw that.
func (c *checker) alignment(ctx context.Context) error {
	windows, err := c.annotations.List(ctx, annotation.Filter{From: c.source.options.From, To: c.source.options.To})
	if err != nil {
		return fmt.Errorf("look at the annotations' marks: %w", err)
	}
	for i := range windows {
		w := &windows[i]
		if w.Effect.IsZero() {
			continue
		}
		c.report.Marks++
		begins := w.Start.Truncate(c.interval)
		if begins.Before(w.Start) {
			begins = begins.Add(c.interval)
		}
		late := int(w.Effect.Sub(begins) / c.interval)
		if late*late > c.report.Late*c.report.Late {
			c.report.Late = late
		}
		if late > 1 || late < -1 {
			c.fail("alignment", "window %s begins in the tick %s, but the agent saw it %d ticks later", w.ID, begins.UTC().Format(time.RFC3339), late)
		}
	}
	return nil
}

// featuresPerQuery bounds what the server holds at once.
const featuresPerQuery = 20

// separation computes the AUC of each feature, by ranks: the share of pairs of an attack's row and another one in which
// the attack's value is larger, equal ones counted half (Hanley and McNeil 1982). Missing values rank below all others.
func (c *checker) separation(ctx context.Context) error {
	type row struct {
		Number int
		AUC    float64
	}
	names := c.source.featureNames()
	for first := 0; first < len(names); first += featuresPerQuery {
		some := names[first:min(first+featuresPerQuery, len(names))]
		values := make([]string, len(some))
		for i, name := range some {
			values[i] = c.source.inner(name)
		}
		rows, err := clickhouse.Select[row](ctx, c.client, query(
			"SELECT number AS Number, sum(p * (less + n / 2)) / (sum(p) * sum(n)) AS AUC FROM ("+
				"SELECT number, p, n, sum(n) OVER (PARTITION BY number ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS less FROM ("+
				"SELECT number, if(isNaN(value), -inf, value) AS v, countIf(attack) AS p, countIf(NOT attack) AS n FROM ("+
				"SELECT "+c.source.inner("label")+" = 'attack' AS attack, ["+strings.Join(values, ", ")+"] AS features FROM "+c.base(c.source.chosen.features)+
				") ARRAY JOIN features AS value, arrayEnumerate(features) AS number GROUP BY number, v)) GROUP BY number HAVING sum(p) > 0 AND sum(n) > 0 ORDER BY number"))
		if err != nil {
			return fmt.Errorf("see what features tell: %w", err)
		}
		for _, r := range rows {
			c.separates(some[r.Number-1], max(r.AUC, 1-r.AUC))
		}
	}
	return nil
}

// separates notes how well a column separates.
func (c *checker) separates(column string, auc float64) {
	c.report.Separation = append(c.report.Separation, Separation{column, auc})
	if auc > maxAUC {
		c.fail(column, "it alone separates attacks from the rest: AUC %.4f, at most %.2f may be", auc, maxAUC)
	}
}

// texts does the same for the names that are columns of the side file, as somebody may train with them: their values are
// ordered by the share of attacks.
func (c *checker) texts(ctx context.Context) error {
	type row struct{ AUC float64 }
	for _, column := range c.source.chosen.aside {
		if column.Type != "LowCardinality(String)" || column.Name == "severity" {
			continue
		}
		rows, err := clickhouse.Select[row](ctx, c.client, query(
			"SELECT sum(p * (less + n / 2)) / (sum(p) * sum(n)) AS AUC FROM ("+
				"SELECT sum(pv) AS p, sum(nv) AS n, sum(sum(nv)) OVER (ORDER BY share ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS less FROM ("+
				"SELECT "+c.source.inner(column.Name)+" AS v, countIf("+c.source.inner("label")+" = 'attack') AS pv, count() - pv AS nv, pv / count() AS share FROM "+
				c.base(nil)+" GROUP BY v) GROUP BY share) HAVING sum(p) > 0 AND sum(n) > 0"))
		if err != nil {
			return fmt.Errorf("see what the column %s tells: %w", column.Name, err)
		}
		for _, r := range rows {
			c.separates(column.Name, r.AUC)
		}
	}
	return nil
}

// quality counts what is missing, what never changes, and what is there twice.
func (c *checker) quality(ctx context.Context) error {
	type row struct {
		Missing []float64
		Least   []*float64
		Most    []*float64
		Rows    int64
		Same    int64
	}
	names := c.source.featureNames()
	for first := 0; first < len(names); first += 100 {
		some := names[first:min(first+100, len(names))]
		var missing, least, most []string
		for _, name := range some {
			v := c.source.inner(name)
			missing = append(missing, "avg(isNaN("+v+"))")
			least = append(least, "minOrNullIf("+v+", NOT isNaN("+v+"))")
			most = append(most, "maxOrNullIf("+v+", NOT isNaN("+v+"))")
		}
		same := "0"
		if first == 0 {
			var all []string
			for _, name := range names {
				all = append(all, c.source.inner(name))
			}
			same = "count() - uniq(cityHash64(" + strings.Join(append(all, c.source.inner("label")), ", ") + "))"
		}
		r, err := clickhouse.One[row](ctx, c.client, query("SELECT ["+strings.Join(missing, ", ")+"] AS Missing, ["+strings.Join(least, ", ")+
			"] AS Least, ["+strings.Join(most, ", ")+"] AS Most, count() AS Rows, "+same+" AS Same FROM "+c.base(c.source.chosen.features)))
		if err != nil {
			return fmt.Errorf("see what is missing: %w", err)
		}
		if first == 0 {
			c.report.Rows, c.report.Duplicates = r.Rows, max(r.Same, 0)
		}
		for i, name := range some {
			constant := r.Least[i] == nil || *r.Least[i] == *r.Most[i]
			c.report.Columns = append(c.report.Columns, Quality{name, r.Missing[i], constant})
		}
	}
	return nil
}
