// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/nodesec/nodesec/processors/rules/internal/engine"
	"github.com/nodesec/nodesec/processors/rules/internal/metadata"
)

// telemetry updates the processor's own metrics.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	rules   []metric.MeasurementOption // by Rule.Index
	ttl     metric.MeasurementOption
	full    metric.MeasurementOption
	ok      metric.MeasurementOption
	failed  metric.MeasurementOption
}

func newTelemetry(settings component.TelemetrySettings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(settings)
	if err != nil {
		return nil, err
	}
	return &telemetry{
		builder: builder,
		ttl:     with("reason", "ttl"), full: with("reason", "full"),
		ok: with("result", "ok"), failed: with("result", "failed"),
	}, nil
}

func with(key, value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value)))
}

// use prepares for the rules of a program.
func (t *telemetry) use(p *engine.Program) {
	t.rules = t.rules[:0]
	for _, r := range p.Rules {
		t.rules = append(t.rules, with("rule", r.Name))
	}
}

func (t *telemetry) close() { t.builder.Shutdown() }

// record tells what the engine has counted since the last time.
func (t *telemetry) record(ctx context.Context, e *engine.Engine, took time.Duration) {
	c := &e.Counts
	for i, of := range t.rules {
		add(ctx, t.builder.RulesMatches, &c.Matches[i], of)
		add(ctx, t.builder.RulesNotEvaluable, &c.NotEvaluable[i], of)
		add(ctx, t.builder.RulesErrors, &c.Errors[i], of)
	}
	add(ctx, t.builder.RulesEvictions, &c.Expired, t.ttl)
	add(ctx, t.builder.RulesEvictions, &c.Evicted, t.full)
	if c.Evaluations > 0 {
		t.builder.RulesEvaluations.Add(ctx, c.Evaluations)
		c.Evaluations = 0
	}
	t.builder.RulesEntities.Record(ctx, int64(e.Entities()))
	t.builder.RulesEvaluationDuration.Record(ctx, took.Seconds())
}

func add(ctx context.Context, counter metric.Int64Counter, n *int64, of metric.MeasurementOption) {
	if *n > 0 {
		counter.Add(ctx, *n, of)
		*n = 0
	}
}
