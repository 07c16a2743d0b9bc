// SPDX-License-Identifier: Apache-2.0

package detections

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/nodesec/nodesec/connectors/detections/internal/metadata"
)

// The names of the events.
const (
	eventStart = "nodesec.detection.start"
	eventEnd   = "nodesec.detection.end"
)

// Attributes of the records. Those of security_rule are of OpenTelemetry's semantic conventions, version 1.43.
const (
	ruleName        = "security_rule.name"
	ruleDescription = "security_rule.description"
	ruleReference   = "security_rule.reference"

	detectionID        = "nodesec.detection.id"
	detectionStart     = "nodesec.detection.start_time"
	detectionDuration  = "nodesec.detection.duration"
	detectionSamples   = "nodesec.detection.samples"
	detectionEndReason = "nodesec.detection.end_reason"
	detectionSeverity  = "nodesec.severity"
)

// writer writes log records, with one resource for those of the same entity that follow each other.
type writer struct {
	logs    plog.Logs
	version string
	// observed is when the connector learnt what it tells.
	observed pcommon.Timestamp
	entity   uint64
	records  plog.LogRecordSlice
}

func (w *writer) begin(observed time.Time) {
	w.logs, w.observed, w.records = plog.NewLogs(), pcommon.NewTimestampFromTime(observed), plog.LogRecordSlice{}
}

func (w *writer) record(a *alert, name string, at pcommon.Timestamp) plog.LogRecord {
	if w.logs.ResourceLogs().Len() == 0 || w.entity != a.entity {
		w.entity = a.entity
		rl := w.logs.ResourceLogs().AppendEmpty()
		a.resource.CopyTo(rl.Resource().Attributes())
		scope := rl.ScopeLogs().AppendEmpty()
		scope.Scope().SetName(metadata.ScopeName)
		scope.Scope().SetVersion(w.version)
		w.records = scope.LogRecords()
	}
	record := w.records.AppendEmpty()
	record.SetEventName(name)
	record.SetTimestamp(at)
	record.SetObservedTimestamp(w.observed)
	attributes := record.Attributes()
	attributes.PutStr(ruleName, a.rule)
	if a.description != "" {
		attributes.PutStr(ruleDescription, a.description)
	}
	if len(a.techniques) > 0 {
		attributes.PutStr(ruleReference, reference(a.techniques[0]))
		list := attributes.PutEmptySlice(attributeTechniques)
		for _, technique := range a.techniques {
			list.AppendEmpty().SetStr(technique)
		}
	}
	attributes.PutStr(detectionID, a.id())
	return record
}

// start writes that an alert starts.
func (w *writer) start(a *alert) {
	record := w.record(a, eventStart, a.start)
	record.SetSeverityNumber(a.severity)
	if a.severity != plog.SeverityNumberUnspecified {
		record.SetSeverityText(severityText(a.severity))
	}
	record.Body().SetStr(a.rule)
	if a.description != "" {
		record.Body().SetStr(a.rule + ": " + a.description)
	}
	if a.hasValues {
		a.values.CopyTo(record.Attributes().PutEmptyMap(attributeEvidence))
	}
}

// end writes that an alert ends. That is news, but no reason to wake anybody: it is of severity INFO.
func (w *writer) end(a *alert, at pcommon.Timestamp, reason string) {
	record := w.record(a, eventEnd, at)
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.SetSeverityText(severityText(plog.SeverityNumberInfo))
	lasted := a.last.AsTime().Sub(a.start.AsTime())
	record.Body().SetStr(fmt.Sprintf("%s ended after %v", a.rule, lasted))
	attributes := record.Attributes()
	if a.severity != plog.SeverityNumberUnspecified {
		attributes.PutStr(detectionSeverity, severityText(a.severity))
	}
	attributes.PutStr(detectionStart, a.start.AsTime().Format(time.RFC3339Nano))
	attributes.PutDouble(detectionDuration, lasted.Seconds())
	attributes.PutInt(detectionSamples, a.samples)
	attributes.PutStr(detectionEndReason, reason)
}

// id is the same in the records of an alert, and differs from those of all others.
func (a *alert) id() string {
	text := strconv.FormatUint(a.entity, 16) + " " + a.rule + " " + strconv.FormatUint(uint64(a.start), 16)
	return fmt.Sprintf("%016x", xxhash.Sum64String(text))
}

// reference is the page of a technique of ATT&CK.
func reference(technique string) string {
	return "https://attack.mitre.org/techniques/" + strings.Replace(technique, ".", "/", 1) + "/"
}
