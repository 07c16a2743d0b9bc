// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"time"

	"github.com/nodesec/nodesec/internal/entity"
)

// eventTexts are the columns of the table of events that name the entity.
func eventTexts() []textColumn { return textColumns(entity.Process) }

// eventColumns are the columns of the table of events.
func eventColumns() []declaration {
	columns := []declaration{
		{"ts", "DateTime64(9, 'UTC')", "Delta(8), ZSTD(1)", "Time of the event"},
		{"observed", "DateTime64(9, 'UTC')", "Delta(8), ZSTD(1)", "Time at which it was observed; of our receivers and rules: the tick"},
		{"entity", "UInt64", "ZSTD(1)", "Hash of what identifies the entity, as in the tables of samples"},
		{"batch", "UInt64", "ZSTD(1)", "Number of the insert that brought the row"},
		{"scope", word, "ZSTD(1)", "What kind of entity it is: node, pod, container, process, other"},
		{"event", word, "ZSTD(1)", "Name of the event"},
	}
	for _, c := range eventTexts() {
		columns = append(columns, c.declaration)
	}
	return append(columns,
		declaration{"severity_number", "UInt8", "ZSTD(1)", "OpenTelemetry severity number, 0 if unspecified"},
		declaration{"severity", word, "ZSTD(1)", "Severity text"},
		declaration{"body", "String", "ZSTD(3)", "Body of the log record"},
		declaration{"attributes", "Map(LowCardinality(String), String)", "ZSTD(3)", "Attributes of the log record"},
		declaration{"resource", "Map(LowCardinality(String), String)", "ZSTD(6)", "Resource attributes that have no column"})
}

func (s *Schema) createEvents() []string {
	d := s.data()
	d.Table, d.Columns = s.events, eventColumns()
	d.Comment = "Log records: rare events with a text"
	d.TTLSeconds, d.Window = int64(s.ttl/time.Second), s.window
	statements := s.createWith("events.sql", d)
	view := s.data()
	view.Table, view.Local = s.detections, s.events
	view.Comment = "Starts and ends of alerts, out of the log records of the connector detections"
	return append(statements, s.render("detections.sql", view))
}

// eventsName returns the quoted name of the table of events, database included.
func (s *Schema) eventsName() string { return quoteName(s.database) + "." + quoteName(s.events) }
