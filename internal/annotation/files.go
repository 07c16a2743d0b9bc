// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// file is the shape of a YAML file.
type file struct {
	Annotations []Annotation `yaml:"annotations"`
}

// ReadYAML reads a file as WriteYAML writes it; unknown keys are errors.
func ReadYAML(r io.Reader) ([]Annotation, error) {
	decoder := yaml.NewDecoder(r)
	decoder.KnownFields(true)
	var f file
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read YAML: %w", err)
	}
	return f.Annotations, nil
}

// WriteYAML writes annotations as a list below the key annotations.
func WriteYAML(w io.Writer, all []Annotation) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(file{all}); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	return encoder.Close()
}

// csvColumn is a column of a CSV file.
type csvColumn struct {
	name string
	get  func(*Annotation) string
	set  func(*Annotation, string) error
}

// csvColumns returns the columns of a CSV file: the same names as in YAML and in the table.
func csvColumns() []csvColumn {
	var columns []csvColumn
	for _, c := range textColumns() {
		columns = append(columns, csvColumn{
			c.name,
			func(a *Annotation) string { return *c.text(a) },
			func(a *Annotation, value string) error { *c.text(a) = value; return nil },
		})
	}
	columns = append(columns, csvColumn{"pid", pidText, setPID})
	for name, field := range timeColumns() {
		columns = append(columns, csvColumn{
			name,
			func(a *Annotation) string { return cellText(*field(a)) },
			func(a *Annotation, value string) (err error) { *field(a), err = parseCell(value); return err },
		})
	}
	return columns
}

func timeColumns() map[string]func(*Annotation) *time.Time {
	return map[string]func(*Annotation) *time.Time{
		"t_start":    func(a *Annotation) *time.Time { return &a.Start },
		"t_end":      func(a *Annotation) *time.Time { return &a.End },
		"t_effect":   func(a *Annotation) *time.Time { return &a.Effect },
		"created_at": func(a *Annotation) *time.Time { return &a.Created },
	}
}

func pidText(a *Annotation) string {
	if a.PID == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(a.PID), 10)
}

func setPID(a *Annotation, value string) error {
	if value == "" {
		return nil
	}
	pid, err := strconv.ParseUint(value, 10, 32)
	a.PID = uint32(pid)
	return err
}

func cellText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timeText(t)
}

func parseCell(value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, value)
}

// header is the order of the columns in CSV files that we write.
func header() []string {
	return []string{
		"id", "run", "scenario", "step", "technique", "label", "t_start", "t_end", "t_effect", "cluster", "node",
		"namespace", "workload", "pod", "container", "pid", "role", "outcome", "source", "author", "note", "created_at",
		"retracts",
	}
}

// ReadCSV reads a file with a header line; columns may be missing and in any order, unknown ones are errors.
func ReadCSV(r io.Reader) ([]Annotation, error) {
	reader := csv.NewReader(r)
	names, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("read the header of the CSV: %w", err)
	}
	columns := make([]csvColumn, len(names))
	for i, name := range names {
		known := csvColumns()
		at := slices.IndexFunc(known, func(c csvColumn) bool { return c.name == name })
		if at < 0 {
			return nil, fmt.Errorf("header of the CSV: unknown column %q", name)
		}
		columns[i] = known[at]
	}
	var all []Annotation
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read CSV: %w", err)
		}
		var a Annotation
		for i, value := range record {
			if err := columns[i].set(&a, value); err != nil {
				line, _ := reader.FieldPos(i)
				return nil, fmt.Errorf("line %d of the CSV: %s: %w", line, columns[i].name, err)
			}
		}
		all = append(all, a)
	}
}

// WriteCSV writes annotations with a header line.
func WriteCSV(w io.Writer, all []Annotation) error {
	writer := csv.NewWriter(w)
	if err := writer.Write(header()); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	byName := map[string]csvColumn{}
	for _, c := range csvColumns() {
		byName[c.name] = c
	}
	for i := range all {
		record := make([]string, 0, len(header()))
		for _, name := range header() {
			record = append(record, byName[name].get(&all[i]))
		}
		if err := writer.Write(record); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	writer.Flush()
	return writer.Error()
}
