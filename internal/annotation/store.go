// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nodesec/nodesec/internal/clickhouse"
)

// Store is the table of annotations of a database.
type Store struct {
	Client   clickhouse.Client
	Database string
}

// Create makes the table if it is not there.
func (s Store) Create(ctx context.Context) error {
	for _, statement := range Schema(s.Database, "") {
		if err := s.Client.Exec(ctx, clickhouse.Query{Text: statement}); err != nil {
			return fmt.Errorf("create %s: %w", s.name(), err)
		}
	}
	return nil
}

func (s Store) name() string { return clickhouse.Name(s.Database) + "." + Table }

// Insert adds rows after it has validated them all: all or none are stored. To try the same rows again is harmless.
func (s Store) Insert(ctx context.Context, all []Annotation) error {
	if len(all) == 0 {
		return nil
	}
	if err := ValidateAll(all); err != nil {
		return err
	}
	var data bytes.Buffer
	for i := range all {
		line, err := json.Marshal(toRow(&all[i], time.Now()))
		if err != nil {
			return fmt.Errorf("write annotation %s: %w", all[i].ID, err)
		}
		data.Write(append(line, '\n'))
	}
	err := s.Client.Insert(ctx, clickhouse.Query{
		Text: "INSERT INTO " + s.name() + " FORMAT JSONEachRow",
		Settings: map[string]string{
			"date_time_input_format":        "best_effort",
			"insert_deduplication_token":    token(all),
			"input_format_parallel_parsing": "0", // one block: all or none
		},
	}, &data)
	if err != nil {
		return fmt.Errorf("insert %d annotations into %s: %w", len(all), s.name(), err)
	}
	return nil
}

// token is the same for the same rows.
func token(all []Annotation) string {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return "annotations " + strings.Join(ids, " ")
}

// Filter narrows a list down. Zero fields do not.
type Filter struct {
	Run, Scenario, Technique string
	Label                    Label
	IDs                      []string
	// From and To: windows that overlap [From, To).
	From, To time.Time
	// All includes retracted annotations, and the retractions.
	All bool
}

// List returns the annotations in the order of their windows. The table must be there.
func (s Store) List(ctx context.Context, f Filter) ([]Annotation, error) {
	conditions := []string{"1"}
	parameters := map[string]string{}
	where := func(condition, name, value string) {
		if value != "" {
			conditions, parameters[name] = append(conditions, condition), value
		}
	}
	where("run = {run:String}", "run", f.Run)
	where("scenario = {scenario:String}", "scenario", f.Scenario)
	where("technique = {technique:String}", "technique", f.Technique)
	where("label = {label:String}", "label", string(f.Label))
	where("t_end > parseDateTime64BestEffort({from:String}, 6)", "from", cellText(f.From))
	where("t_start < parseDateTime64BestEffort({to:String}, 6)", "to", cellText(f.To))
	if f.IDs != nil {
		conditions = append(conditions, "id IN "+clickhouse.Texts(f.IDs))
	}
	if !f.All {
		conditions = append(conditions, "retracts = ''",
			"id NOT IN (SELECT retracts FROM "+s.name()+" WHERE retracts != '')")
	}
	rows, err := clickhouse.Select[row](ctx, s.Client, clickhouse.Query{
		Text: "SELECT * FROM " + s.name() + " WHERE " + strings.Join(conditions, " AND ") +
			" ORDER BY t_start, id, created_at LIMIT 1 BY id",
		Parameters: parameters,
		Settings:   map[string]string{"max_query_size": "268435456", "max_ast_elements": "1000000"},
	})
	if err != nil {
		return nil, fmt.Errorf("list annotations of %s: %w", s.name(), err)
	}
	all := make([]Annotation, 0, len(rows))
	for i := range rows {
		all = append(all, rows[i].annotation())
	}
	return all, nil
}

// Import inserts the annotations whose IDs are not there yet, and returns them.
func (s Store) Import(ctx context.Context, all []Annotation) ([]Annotation, error) {
	if err := ValidateAll(all); err != nil {
		return nil, err
	}
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	there, err := s.List(ctx, Filter{IDs: ids, All: true})
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for i := range there {
		known[there[i].ID] = true
	}
	added := slices.DeleteFunc(slices.Clone(all), func(a Annotation) bool { return known[a.ID] })
	return added, s.Insert(ctx, added)
}

// Retract adds a row for each of the annotations, that says it is no longer true.
func (s Store) Retract(ctx context.Context, ids []string, author, note string) error {
	there, err := s.List(ctx, Filter{IDs: ids})
	if err != nil {
		return err
	}
	var rows []Annotation
	var errs []error
	for _, id := range ids {
		if !slices.ContainsFunc(there, func(a Annotation) bool { return a.ID == id }) {
			errs = append(errs, fmt.Errorf("%s: no such annotation, or it is retracted already", id))
			continue
		}
		rows = append(rows, Annotation{
			ID: "retract:" + id, Retracts: id, Author: author, Note: note, Source: "person",
		})
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.Insert(ctx, rows)
}
