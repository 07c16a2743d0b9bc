// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/internal/feature"
)

//go:embed sql/*.sql
var statements embed.FS

// Schema writes the statements that make the tables and their columns.
type Schema struct {
	database string
	tables   [5]string // by scope
	events   string
	// detections is the view of those events that are alerts.
	detections string
	cluster    string
	ttl        time.Duration
	window     int
	templates  *template.Template
}

// NewSchema returns the schema that the configuration asks for.
func NewSchema(cfg *Config) (*Schema, error) {
	templates, err := template.New("").
		Funcs(template.FuncMap{"name": quoteName, "text": quoteText}).
		ParseFS(statements, "sql/*.sql")
	if err != nil {
		return nil, fmt.Errorf("parse the SQL templates: %w", err)
	}
	return &Schema{
		database:   cfg.Database,
		tables:     cfg.Tables.byScope(),
		events:     cfg.Tables.Events,
		detections: cfg.Tables.Detections,
		cluster:    cfg.Cluster,
		ttl:        cfg.TTL,
		window:     cfg.DeduplicationWindow,
		templates:  templates,
	}, nil
}

// Create returns the statements that make the database and all tables, as far as they are not there.
func (s *Schema) Create() []string {
	all := []string{s.createDatabase()}
	for _, scope := range entity.Scopes() {
		all = append(all, s.createTable(scope)...)
	}
	return append(all, s.createEvents()...)
}

// AddFeatures returns the statements that add a column for each feature to the table of the scope, under the names that
// the exporter would choose if it saw them in this order.
func (s *Schema) AddFeatures(scope entity.Scope, features []Feature) []string {
	taken := reservedNames()
	for _, c := range fixedColumns(scope) {
		taken[c.name] = true
	}
	columns := make([]namedFeature, 0, len(features))
	for _, f := range features {
		if name, ok := columnName(f, taken); ok {
			taken[name] = true
			columns = append(columns, namedFeature{name: name, feature: f})
		}
	}
	if len(columns) == 0 {
		return nil
	}
	return s.addColumns(scope, columns)
}

// namedFeature is a feature and the name of its column.
type namedFeature struct {
	name    string
	feature Feature
}

// reservedNames are those that the views of the data set give to ground truth: no feature may have them.
func reservedNames() map[string]bool {
	return map[string]bool{
		"label": true, "technique": true, "scenario": true, "step": true, "run": true, "role": true, "annotation": true,
		"guard": true,
	}
}

// columnName returns the name for the column of a new feature: its own or, if that is taken, with a hash of its key. It
// reports false if both are.
func columnName(f Feature, taken map[string]bool) (string, bool) {
	name := f.Name()
	if taken[name] {
		name = feature.WithSuffix(name, feature.Hash(f.Key()))
	}
	return name, !taken[name]
}

// declaration is a column in a statement.
type declaration struct{ name, kind, codec, comment string }

// String returns the declaration in ClickHouse's grammar.
func (d declaration) String() string {
	text := quoteName(d.name) + " " + d.kind + " COMMENT " + quoteText(d.comment)
	if d.codec != "" {
		text += " CODEC(" + d.codec + ")"
	}
	return text
}

// sqlData is what the templates see.
type sqlData struct {
	Database, Table, Local, Cluster, OnCluster string
	Engine, WindowSetting, Comment             string
	Columns                                    []declaration
	TTLSeconds                                 int64
	Window                                     int
}

func (s *Schema) createDatabase() string { return s.render("database.sql", s.data()) }

func (s *Schema) createTable(scope entity.Scope) []string {
	d := s.data()
	d.Table = s.tables[scope]
	d.Columns = fixedColumns(scope)
	d.Comment = fmt.Sprintf("Samples of scope %s: a row per entity and time, a column per feature", scope)
	d.TTLSeconds, d.Window = int64(s.ttl/time.Second), s.window
	return s.createWith("table.sql", d)
}

// createWith returns the statements that make a table by a template: with a cluster, the one that keeps the data before
// the one that reads it.
func (s *Schema) createWith(template string, d sqlData) []string {
	d.Engine, d.WindowSetting = "MergeTree", "non_replicated_deduplication_window"
	if s.cluster == "" {
		return []string{s.render(template, d)}
	}
	d.Engine, d.WindowSetting = "ReplicatedMergeTree", "replicated_deduplication_window"
	d.Local = localTable(d.Table)
	local := d
	local.Table = d.Local
	return []string{s.render(template, local), s.render("distributed.sql", d)}
}

// addColumns alters the table that keeps the data before the one that reads it.
func (s *Schema) addColumns(scope entity.Scope, columns []namedFeature) []string {
	d := s.data()
	d.Table = s.tables[scope]
	for _, c := range columns {
		d.Columns = append(d.Columns, featureColumn(c))
	}
	if s.cluster == "" {
		return []string{s.render("add_columns.sql", d)}
	}
	local := d
	local.Table = localTable(d.Table)
	return []string{s.render("add_columns.sql", local), s.render("add_columns.sql", d)}
}

func (s *Schema) data() sqlData {
	d := sqlData{Database: s.database, Cluster: s.cluster}
	if s.cluster != "" {
		d.OnCluster = " ON CLUSTER " + quoteName(s.cluster)
	}
	return d
}

func (s *Schema) render(name string, d sqlData) string {
	var b strings.Builder
	if err := s.templates.ExecuteTemplate(&b, name, d); err != nil {
		panic(fmt.Sprintf("render %s: %v", name, err)) // the templates are part of the program
	}
	return strings.TrimSpace(b.String())
}

// fullName returns the quoted name of the scope's table, database included.
func (s *Schema) fullName(scope entity.Scope) string {
	return quoteName(s.database) + "." + quoteName(s.tables[scope])
}

// localTable is the name of the table on each shard that keeps the rows of a Distributed table.
func localTable(table string) string { return table + "_local" }

// fixedColumns returns the columns that are not features.
func fixedColumns(scope entity.Scope) []declaration {
	columns := []declaration{
		{"ts", "DateTime64(3, 'UTC')", "Delta(8), ZSTD(1)", "Time of the sample"},
		{"interval_ms", "UInt32", "ZSTD(1)", "Length of the window that delta sums are about in milliseconds, 0 if unknown"},
		{"entity", "UInt64", "ZSTD(1)", "Hash of what identifies the entity"},
		{"batch", "UInt64", "ZSTD(1)", "Number of the insert that brought the row"},
	}
	for _, c := range textColumns(scope) {
		columns = append(columns, c.declaration)
	}
	if scope == entity.Process {
		columns = append(columns,
			declaration{"pid", "UInt32", "ZSTD(1)", "process.pid"},
			declaration{"ppid", "UInt32", "ZSTD(1)", "process.parent_pid, 0 if unknown"},
			declaration{"created", "DateTime64(3, 'UTC')", "ZSTD(1)", "process.creation.time, 1970 if unknown"})
	}
	return append(columns,
		declaration{"attributes", "Map(LowCardinality(String), String)", "ZSTD(6)", "Resource attributes that have no column"},
		declaration{"rules", "Array(LowCardinality(String))", "ZSTD(6)", "Rules that matched: a heuristic, not ground truth"},
		declaration{"severity", word, "ZSTD(1)", "Highest severity of the rules that matched"},
		declaration{"techniques", "Array(LowCardinality(String))", "ZSTD(6)", "ATT&CK techniques of the rules that matched"},
		declaration{"more", "Map(LowCardinality(String), Float64)", "ZSTD(6)", "Features that have no column, by name"})
}

// featureColumn declares the column of a feature. Missing is NaN, also in parts that are older than the column.
//
// The codecs are a compromise of size and CPU time, measured on a fleet's samples (docs/design.md): integer counts of a
// window are small and mostly zero, which differences only disturb and a higher level makes larger; integer levels stay
// or move little, so that most bits are those of the sample before; fractions and running totals are left to differences.
func featureColumn(c namedFeature) declaration {
	d := declaration{c.name, c.feature.ColumnType(), "Delta(8), ZSTD(3)", c.feature.Comment()}
	integer := c.feature.Integer || c.feature.Part == PartCount
	switch {
	case d.kind != typeFloat:
		d.codec = "ZSTD(3)"
		return d
	case integer && c.feature.Temporality == "delta":
		d.codec = "ZSTD(1)"
	case integer && c.feature.Type == "gauge":
		d.codec = "Gorilla, ZSTD(1)"
	}
	d.kind += " DEFAULT nan"
	return d
}

// quoteName quotes an identifier.
func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// quoteText quotes a string literal.
func quoteText(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(text) + "'"
}
