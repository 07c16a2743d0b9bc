// SPDX-License-Identifier: Apache-2.0

package report

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The lines between which Insert writes.
const (
	startMarker = "<!-- results: written by make bench -->"
	endMarker   = "<!-- end of results -->"
)

// ErrNoMarkers is returned for a file in which there is no place for results.
var ErrNoMarkers = errors.New("no results markers")

// Markdown returns the tables, preceded by where and how they were measured.
func Markdown(tables []Table, machine, command string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine: %s. Command: `%s`.\n\n", machine, command)
	for _, t := range tables {
		_, _ = t.WriteTo(&b) // a Builder takes everything
	}
	return b.String()
}

// Insert replaces what stands between the markers of a file.
func Insert(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the file for the results: %w", err)
	}
	before, rest, hasStart := strings.Cut(string(old), startMarker+"\n")
	_, after, hasEnd := strings.Cut(rest, endMarker)
	if !hasStart || !hasEnd {
		return fmt.Errorf("write results into %s: %w: want a line %q and a line %q", file, ErrNoMarkers, startMarker, endMarker)
	}
	text = before + startMarker + "\n\n" + strings.TrimSpace(text) + "\n\n" + endMarker + after
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
