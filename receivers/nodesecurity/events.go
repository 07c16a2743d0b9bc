// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/nodesec/nodesec/receivers/internal/host"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// events returns the log records of the tick: what is rare and has a text.
func (s *scraper) events(tick time.Time) (plog.Logs, error) {
	logs := plog.NewLogs()
	if s.maxEvents == 0 {
		return logs, nil
	}
	scopes := map[*entity]plog.ScopeLogs{}
	booted := time.Now().Add(-host.SinceBoot())
	err := s.attribution.source.Events(s.maxEvents, func(event probe.Event) {
		e := s.attribution.of(event.Cgroup)
		scope, known := scopes[e]
		if !known {
			resource := logs.ResourceLogs().AppendEmpty()
			e.resource.CopyTo(resource.Resource())
			scope = resource.ScopeLogs().AppendEmpty()
			scope.Scope().SetName(metadata.ScopeName)
			scopes[e] = scope
		}
		writeEvent(scope.LogRecords().AppendEmpty(), event, booted, tick)
	})
	return logs, err
}

// of is the entity that a cgroup belongs to.
func (a *attribution) of(id uint64) *entity {
	if owner := a.owners[id]; owner != nil && a.entities[owner] != nil {
		return a.entities[owner]
	}
	for _, s := range a.slots {
		if s != nil && s.cgroup == id && s.owner != nil && a.entities[s.owner] != nil {
			return a.entities[s.owner]
		}
	}
	return a.outside
}

// eventNames are the values of event.name and what the text of the event is.
func eventName(kind probe.EventKind) (name, attribute string) {
	switch kind {
	case probe.EventFirstExec:
		return "nodesec.exec.first_seen", "process.executable.path"
	case probe.EventModuleLoad:
		return "nodesec.kernel.module_load", "nodesec.kernel.module.name"
	default:
		return "nodesec.kernel.bpf_load", "nodesec.kernel.bpf_program.name"
	}
}

func writeEvent(record plog.LogRecord, event probe.Event, booted, tick time.Time) {
	name, attribute := eventName(event.Kind)
	text := strings.ToValidUTF8(event.Text, "�")
	record.SetTimestamp(pcommon.NewTimestampFromTime(booted.Add(event.Time)))
	record.SetObservedTimestamp(pcommon.NewTimestampFromTime(tick))
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.SetEventName(name)
	record.Body().SetStr(text)
	attributes := record.Attributes()
	attributes.PutStr(attribute, text)
	attributes.PutStr("process.executable.name", strings.ToValidUTF8(event.Command, "�"))
	attributes.PutInt("process.pid", int64(event.PID))
}
