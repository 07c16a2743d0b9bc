// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Longest texts, in bytes.
const (
	maxName = 256
	maxNote = 4096
)

var (
	validID        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,159}$`)
	validTechnique = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)
)

// Validate checks one annotation by itself. Its error names every fault.
func (a *Annotation) Validate() error {
	errs := []error{a.validateTexts()}
	if !validID.MatchString(a.ID) {
		errs = append(errs, fmt.Errorf("id: must be letters, digits, dots, colons, dashes and underscores, got %q", a.ID))
	}
	if a.Retracts != "" {
		return errors.Join(append(errs, a.validateRetraction())...)
	}
	if !slices.Contains(Labels(), a.Label) {
		errs = append(errs, fmt.Errorf("label: must be one of %s, got %q", joinLabels(), a.Label))
	}
	if a.Technique != "" && !validTechnique.MatchString(a.Technique) {
		errs = append(errs, fmt.Errorf("technique: must be an id of ATT&CK such as T1059.004, got %q", a.Technique))
	}
	if a.Level() == LevelNone {
		errs = append(errs, errors.New(
			"selector: must have at least one of cluster, node, namespace, workload, pod, container, pid"))
	}
	errs = append(errs, validateTime("t_start", a.Start), validateTime("t_end", a.End))
	if !a.Effect.IsZero() {
		errs = append(errs, validateTime("t_effect", a.Effect))
	}
	if !a.End.Truncate(time.Microsecond).After(a.Start.Truncate(time.Microsecond)) {
		errs = append(errs, fmt.Errorf("t_end: must be after t_start %s, got %s", timeText(a.Start), timeText(a.End)))
	}
	return errors.Join(errs...)
}

// validateRetraction checks that a retraction says nothing else.
func (a *Annotation) validateRetraction() error {
	bare := Annotation{
		ID: a.ID, Retracts: a.Retracts, Author: a.Author, Note: a.Note, Source: a.Source, Created: a.Created,
	}
	if !validID.MatchString(a.Retracts) {
		return fmt.Errorf("retracts: must be the id of an annotation, got %q", a.Retracts)
	}
	if *a != bare {
		return errors.New("retracts: a retraction has no window, label or selector of its own")
	}
	return nil
}

func validateTime(name string, t time.Time) error {
	if t.Year() < 2000 || t.Year() > 2199 {
		return fmt.Errorf("%s: must be a time from the year 2000 to 2199, got %s", name, timeText(t))
	}
	return nil
}

func (a *Annotation) validateTexts() error {
	var errs []error
	for _, column := range textColumns() {
		text, limit := *column.text(a), maxName
		if column.name == "note" {
			limit = maxNote
		}
		switch {
		case !utf8.ValidString(text):
			errs = append(errs, fmt.Errorf("%s: must be UTF-8, got %q", column.name, text))
		case len(text) > limit:
			errs = append(errs, fmt.Errorf("%s: must have at most %d bytes, got %d", column.name, limit, len(text)))
		case column.name != "note" && strings.ContainsFunc(text, unicode.IsControl):
			errs = append(errs, fmt.Errorf("%s: must have no control characters, got %q", column.name, text))
		}
	}
	return errors.Join(errs...)
}

func joinLabels() string {
	var names []string
	for _, l := range Labels() {
		names = append(names, string(l))
	}
	return strings.Join(names, ", ")
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ValidateAll checks annotations that are to be written together. Its error says which is wrong.
func ValidateAll(all []Annotation) error {
	var errs []error
	seen := make(map[string]int, len(all))
	for i := range all {
		if err := all[i].Validate(); err != nil {
			errs = append(errs, fmt.Errorf("annotation %d (%s): %w", i+1, all[i].ID, err))
		}
		if first, ok := seen[all[i].ID]; ok {
			errs = append(errs, fmt.Errorf("annotation %d: its id %q is that of annotation %d", i+1, all[i].ID, first+1))
		} else {
			seen[all[i].ID] = i
		}
	}
	return errors.Join(errs...)
}
