// SPDX-License-Identifier: Apache-2.0

// Package report prints measurements as Markdown, with the targets beside them.
package report

import (
	"fmt"
	"io"
	"strings"
)

// Table is a list of measurements under a title.
type Table struct {
	Title   string
	Columns []string
	Rows    [][]string
	// Note follows the table: how it was measured.
	Note string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// WriteTo prints the table.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.Title)
	writeRow(&b, t.Columns)
	b.WriteString("|" + strings.Repeat(" --- |", len(t.Columns)) + "\n")
	for _, row := range t.Rows {
		writeRow(&b, row)
	}
	if t.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", t.Note)
	}
	b.WriteString("\n")
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func writeRow(b *strings.Builder, cells []string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

// AtMost says whether a value keeps a target that must not be exceeded.
func AtMost(value, target float64, unit string) string {
	return verdict(value <= target, "at most "+number(target)+unit)
}

// AtLeast says whether a value reaches a target.
func AtLeast(value, target float64, unit string) string {
	return verdict(value >= target, "at least "+number(target)+unit)
}

func verdict(kept bool, target string) string {
	if kept {
		return target + ": pass"
	}
	return target + ": **fail**"
}

// Number formats a measured value with three significant digits.
func Number(value float64) string { return number(value) }

func number(value float64) string {
	if value >= 100 || value <= -100 {
		return fmt.Sprintf("%.0f", value)
	}
	return fmt.Sprintf("%.3g", value)
}
