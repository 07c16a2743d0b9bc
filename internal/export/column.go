// SPDX-License-Identifier: Apache-2.0

package export

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/dataset"
)

// Column is a column of the table of samples, with what its comment says.
type Column struct {
	Name string
	Type string
	// The rest is that of features alone.
	Metric      string `json:"metric"`
	Unit        string `json:"unit"`
	Kind        string `json:"type"` // sum, gauge, histogram
	Temporality string `json:"temporality"`
	Description string `json:"description"`
}

// IsFeature reports whether the column is one number about the entity.
func (c *Column) IsFeature() bool { return c.Metric != "" && c.Type == "Float64" }

// Aside says why a feature is not for training unless it is asked for; empty: it is.
func (c *Column) Aside() string {
	switch {
	case c.Temporality == "cumulative":
		return "cumulative: grows with the time since the entity began"
	case strings.HasSuffix(c.Name, "_uptime"):
		return "time: tells entities apart by their age"
	case strings.HasPrefix(c.Name, "quality_"):
		return "quality of the measurement, not of what was measured"
	}
	return ""
}

// readColumns reads the table's columns in their order.
func readColumns(ctx context.Context, c clickhouse.Client, database string, scope dataset.Scope) ([]Column, error) {
	type row struct{ Name, Type, Comment string }
	rows, err := clickhouse.Select[row](ctx, c, clickhouse.Query{
		Text: "SELECT name AS Name, type AS Type, comment AS Comment FROM system.columns " +
			"WHERE database = {database:String} AND table = {table:String} ORDER BY position",
		Parameters: map[string]string{"database": database, "table": scope.Samples()},
	})
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s.%s: %w", database, scope.Samples(), err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("there is no table %s.%s: no agent has written into this database yet", database, scope.Samples())
	}
	columns := make([]Column, len(rows))
	for i, r := range rows {
		if json.Unmarshal([]byte(r.Comment), &columns[i]) != nil { // a text for people
			columns[i] = Column{Description: r.Comment}
		}
		columns[i].Name, columns[i].Type = r.Name, r.Type
	}
	return columns, nil
}

// chosen are the columns of an export.
type chosen struct {
	features []Column // for training
	aside    []Column // features and identity in the side file
}

// choose divides the columns. Patterns that match nothing are an error: somebody who mistypes one would never know.
func choose(columns []Column, patterns []string) (chosen, error) {
	var c chosen
	used := make([]bool, len(patterns))
	for _, column := range columns {
		if column.IsFeature() && wanted(&column, patterns, used) {
			c.features = append(c.features, column)
		} else {
			c.aside = append(c.aside, column)
		}
	}
	for i, pattern := range patterns {
		if !used[i] {
			return c, fmt.Errorf("--features: no feature matches %q", pattern)
		}
	}
	if len(c.features) == 0 {
		return c, fmt.Errorf("--features: no feature is left")
	}
	return c, nil
}

// wanted follows the patterns in their order: the last one that matches decides.
func wanted(c *Column, patterns []string, used []bool) bool {
	take, asked := len(patterns) == 0 || strings.HasPrefix(patterns[0], "!"), false
	for i, pattern := range patterns {
		bare, out := strings.CutPrefix(pattern, "!")
		if matched, _ := path.Match(bare, c.Name); matched {
			take, used[i], asked = !out, true, true
		}
	}
	return take && (asked || c.Aside() == "")
}
