// SPDX-License-Identifier: Apache-2.0

package detections

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/nodesec/nodesec/connectors/detections/internal/metadata"
	"github.com/nodesec/nodesec/internal/entity"
)

// maxPending is how many records are kept for a next component that refuses them.
const maxPending = 10_000

// detections turns tagged samples into log records. One call at a time does, and hands on: the start of an alert comes
// before its end.
//
// An error of the next component is not handed back. The samples have been taken notice of, and whoever sent them would
// send them again to the other pipelines, too. The records are kept and go with the next ones.
type detections struct {
	component.StartFunc
	next    consumer.Logs
	logger  *zap.Logger
	builder *metadata.TelemetryBuilder
	now     func() time.Time
	lowest  plog.SeverityNumber

	mu      sync.Mutex
	alerts  alerts
	writer  writer
	pending plog.Logs
	started map[plog.SeverityNumber]int64
	ended   map[string]int64
	failing bool
}

func newConnector(
	cfg *Config, settings connector.Settings, next consumer.Logs, now func() time.Time,
) (*detections, error) {
	builder, err := metadata.NewTelemetryBuilder(settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	d := &detections{
		next: next, logger: settings.Logger, builder: builder, now: now, lowest: severityNumber(cfg.MinSeverity),
		writer:  writer{version: settings.BuildInfo.Version},
		pending: plog.NewLogs(), started: map[plog.SeverityNumber]int64{}, ended: map[string]int64{},
	}
	d.alerts = alerts{
		hold: cfg.Hold, ttl: cfg.EntityTTL, limit: cfg.MaxActive, entities: map[uint64]*watched{},
		started: func(a *alert) {
			d.writer.start(a)
			d.started[a.severity]++
		},
		ended: func(a *alert, at pcommon.Timestamp, reason string) {
			d.writer.end(a, at, reason)
			d.ended[reason]++
		},
	}
	return d, nil
}

// Capabilities says that the connector only reads the metrics.
func (*detections) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// Shutdown tries once more to hand on what was refused. It ends no alert: they are not over because the collector is.
func (d *detections) Shutdown(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writer.begin(d.now())
	d.handOn(ctx)
	if n := d.pending.LogRecordCount(); n > 0 {
		d.builder.DetectionsDropped.Add(ctx, int64(n))
		d.pending = plog.NewLogs()
	}
	d.builder.Shutdown()
	return nil
}

// ConsumeMetrics takes notice of samples and hands on what starts and ends.
func (d *detections) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writer.begin(d.now())
	for _, rm := range md.ResourceMetrics().All() {
		d.see(rm)
	}
	d.alerts.sweep()
	d.handOn(ctx)
	d.record(ctx)
	return nil
}

func (d *detections) see(rm pmetric.ResourceMetrics) {
	attributes := rm.Resource().Attributes()
	fired := firings(attributes)
	kept := fired[:0]
	for _, f := range fired {
		if f.severity >= d.lowest || f.severity == plog.SeverityNumberUnspecified {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 && len(d.alerts.entities) == 0 {
		return
	}
	at := timeOf(rm)
	if at == 0 {
		return
	}
	identity := untagged(attributes)
	d.alerts.see(identity.hash, at, kept, identity.resource)
}

// identified is an entity and the attributes of its resource without tags.
type identified struct {
	hash       uint64
	attributes pcommon.Map
}

// untagged tells the entity of a resource. What is identified by all its attributes is by those that are no tags.
func untagged(attributes pcommon.Map) identified {
	id := entity.Of(attributes)
	i := identified{hash: id.Hash, attributes: attributes}
	if id.Scope == entity.Other {
		id = entity.Of(i.resource())
		i.hash = id.Hash
	}
	return i
}

func (i *identified) resource() pcommon.Map {
	m := pcommon.NewMap()
	i.attributes.CopyTo(m)
	m.RemoveIf(func(key string, _ pcommon.Value) bool { return isTag(key) })
	return m
}

// handOn hands on the records, those that were refused before first.
func (d *detections) handOn(ctx context.Context) {
	d.writer.logs.ResourceLogs().MoveAndAppendTo(d.pending.ResourceLogs())
	count := d.pending.LogRecordCount()
	if count == 0 {
		return
	}
	refused := plog.NewLogs()
	d.pending.CopyTo(refused) // the next component may change what it is given
	err := d.next.ConsumeLogs(ctx, d.pending)
	d.pending = plog.NewLogs()
	switch {
	case err == nil:
		d.failing = false
		return
	case consumererror.IsPermanent(err) || count > maxPending:
		d.builder.DetectionsDropped.Add(ctx, int64(count))
		d.logger.Error("Detections lost", zap.Int("records", count), zap.Error(err))
		return
	case !d.failing:
		d.failing = true
		d.logger.Warn("Detections refused, kept for later", zap.Int("records", count), zap.Error(err))
	}
	d.pending = refused
}

// record updates the connector's own metrics.
func (d *detections) record(ctx context.Context) {
	for severity, n := range d.started {
		text := "UNSPECIFIED"
		if severity != plog.SeverityNumberUnspecified {
			text = severityText(severity)
		}
		d.builder.DetectionsStarted.Add(ctx, n, with("severity", text))
	}
	for reason, n := range d.ended {
		d.builder.DetectionsEnded.Add(ctx, n, with("reason", reason))
	}
	clear(d.started)
	clear(d.ended)
	d.builder.DetectionsActive.Record(ctx, int64(d.alerts.active))
}

func with(key, value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value)))
}
