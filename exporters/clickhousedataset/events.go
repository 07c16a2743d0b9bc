// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/nodesec/nodesec/internal/entity"
)

// event is a log record as a row of the table of events.
type event struct {
	ts, observed   time.Time
	identity       entity.Identity
	name           string
	severityNumber uint8
	severity, body string
	attributes     []extra
	resource       []extra // attributes of the resource that have no column
}

// pivotEvents turns log records into rows, in their order: those of each day apart, because the server writes the rows of
// a partition all or not at all.
func pivotEvents(logs plog.Logs) (days [][]event) {
	byDay := map[int64][]event{}
	for _, rl := range logs.ResourceLogs().All() {
		attributes := rl.Resource().Attributes()
		identity := entity.Of(attributes)
		var resource []extra
		for key, value := range attributes.All() {
			if !identity.Holds(key, value) {
				resource = append(resource, extra{key, value.AsString()})
			}
		}
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				e := newEvent(record, identity, resource)
				day := e.ts.UnixMilli() / millisecondsPerDay
				byDay[day] = append(byDay[day], e)
			}
		}
	}
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		days = append(days, byDay[day])
	}
	return days
}

func newEvent(record plog.LogRecord, identity entity.Identity, resource []extra) event {
	e := event{
		ts: timeOf(record.Timestamp()), observed: timeOf(record.ObservedTimestamp()), identity: identity, name: record.EventName(),
		severityNumber: uint8(record.SeverityNumber()), severity: record.SeverityText(), body: record.Body().AsString(),
		resource: resource,
	}
	if record.Timestamp() == 0 { // OpenTelemetry: then the time at which it was observed counts
		e.ts = e.observed
	}
	if e.severity == "" && record.SeverityNumber() != plog.SeverityNumberUnspecified {
		e.severity = record.SeverityNumber().String()
	}
	for key, value := range record.Attributes().All() {
		e.attributes = append(e.attributes, extra{key, value.AsString()})
	}
	return e
}

// timeOf is the time that a DateTime64(9) can hold.
func timeOf(ts pcommon.Timestamp) time.Time {
	return time.Unix(0, int64(min(ts, maxSeconds*1e9))).UTC()
}

// eventsToken is token for events.
func eventsToken(events []event) string {
	d := digest{hash: sha256.New()}
	d.text("events 1") // version of the layout below
	for i := range events {
		e := &events[i]
		d.integer(uint64(e.ts.UnixNano()))
		d.integer(uint64(e.observed.UnixNano()))
		d.integer(e.identity.Hash)
		d.integer(uint64(e.severityNumber))
		d.text(e.name)
		d.text(e.severity)
		d.text(e.body)
		for _, of := range [][]extra{e.attributes, e.resource} {
			d.integer(uint64(len(of)))
			for _, a := range of {
				d.text(a.key)
				d.text(a.value)
			}
		}
	}
	return d.sum()
}
