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

// Insert puts results between the markers of a file, before those that are there. Of these the tables that were measured again go;
// each of the others stays, below the line that says how it was measured.
func Insert(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the file for the results: %w", err)
	}
	before, rest, hasStart := strings.Cut(string(old), startMarker+"\n")
	former, after, hasEnd := strings.Cut(rest, endMarker)
	if !hasStart || !hasEnd {
		return fmt.Errorf("write results into %s: %w: want a line %q and a line %q", file, ErrNoMarkers, startMarker, endMarker)
	}
	text = strings.TrimSpace(text) + "\n\n" + without(former, titles(text))
	text = before + startMarker + "\n\n" + strings.TrimSpace(text) + "\n\n" + endMarker + after
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

const (
	titlePrefix = "### "
	runPrefix   = "Machine: " // begins the results of a run
)

func titles(text string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, titlePrefix) {
			found[line] = true
		}
	}
	return found
}

// without leaves out the tables with these titles, and what a run says of itself if none of its tables is left.
func without(text string, gone map[string]bool) string {
	var kept, run strings.Builder
	skipping := true // what is no table
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, runPrefix):
			run.Reset()
			skipping = false
			run.WriteString(line + "\n")
			continue
		case strings.HasPrefix(line, titlePrefix):
			if skipping = gone[line]; !skipping {
				kept.WriteString(run.String())
				run.Reset()
			}
		case run.Len() > 0:
			continue // between what a run says of itself and its first table
		}
		if !skipping {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
