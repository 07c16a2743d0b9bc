// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/processors/sample/internal/metadata"
)

// telemetry updates the processor's own metrics.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	scopes  [scopes]metric.MeasurementOption
	ranges  [-noTime]metric.MeasurementOption
	reasons map[string]metric.MeasurementOption
}

func newTelemetry(settings component.TelemetrySettings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(settings)
	if err != nil {
		return nil, err
	}
	t := &telemetry{builder: builder, reasons: map[string]metric.MeasurementOption{}}
	for _, scope := range entity.Scopes() {
		t.scopes[scope] = with("scope", scope.String())
	}
	for i, name := range []string{-1 - past: "past", -1 - future: "future", -1 - noTime: "none"} {
		t.ranges[i] = with("range", name)
	}
	for _, why := range []string{reasonComplete, reasonWait, reasonFull, reasonClock, reasonShutdown} {
		t.reasons[why] = with("reason", why)
	}
	return t, nil
}

func with(key, value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value)))
}

func (t *telemetry) close() { t.builder.Shutdown() }

// record tells what the assembler has counted since the last time.
func (t *telemetry) record(ctx context.Context, a *assembler) {
	for i, of := range t.scopes {
		add(ctx, t.builder.SampleSamples, a.tally.samples[i], of)
		add(ctx, t.builder.SamplePartial, a.tally.partial[i], of)
		add(ctx, t.builder.SampleLate, a.tally.late[i], of)
	}
	for i, of := range t.ranges {
		add(ctx, t.builder.SampleOutOfRange, a.tally.outOfRange[i], of)
	}
	for _, e := range a.tally.ticks {
		t.builder.SampleTicks.Add(ctx, 1, t.reasons[e.why])
		t.builder.SampleHoldDuration.Record(ctx, e.held.Seconds(), t.scopes[e.lane])
	}
	if n := a.tally.duplicates; n > 0 {
		t.builder.SampleDuplicatePoints.Add(ctx, n)
	}
	if n := a.scatter.snapped; n > 0 {
		t.builder.SampleSnappedPoints.Add(ctx, n)
	}
	t.builder.SampleEntitiesHeld.Record(ctx, int64(a.held))
	a.tally = tally{ticks: a.tally.ticks[:0]}
	a.scatter.snapped = 0
}

func add(ctx context.Context, counter metric.Int64Counter, n int64, of metric.MeasurementOption) {
	if n > 0 {
		counter.Add(ctx, n, of)
	}
}
