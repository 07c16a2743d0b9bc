// SPDX-License-Identifier: Apache-2.0

// Package tagging measures what it costs to assemble samples and to evaluate rules over them.
package tagging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

// Options are the sizes.
type Options struct {
	Entities, Rules int
	// Containers are on the host whose ticks are measured with the default pack.
	Containers int
	// Ticks are measured together, Rounds times.
	Ticks, Rounds int
}

// The targets: nanoseconds per rule and entity, allocations of the same, nanoseconds per entity and block of features, and
// the part of a core for so many rules and containers each second.
const (
	targetRule         = 1000.0
	targetAllocations  = 0.01
	targetBlock        = 2000.0
	targetCore         = 5.0
	rulesOfTargetCore  = 120
	secondsBetweenTick = 1.0
)

// Run measures all.
func Run(ctx context.Context, o Options, log *slog.Logger) ([]report.Table, error) {
	var tables []report.Table
	for _, part := range []func(context.Context, Options, *slog.Logger) (report.Table, error){engines, pack, blocks} {
		table, err := part(ctx, o, log)
		if err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, nil
}

// component is a processor with its settings.
type component struct {
	factory processor.Factory
	config  map[string]any
}

// start starts the processor.
func (c *component) start(ctx context.Context) (processor.Metrics, error) {
	cfg := c.factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(c.config).Unmarshal(cfg); err != nil {
		return nil, fmt.Errorf("configure %s: %w", c.factory.Type(), err)
	}
	p, err := c.factory.CreateMetrics(ctx, processortest.NewNopSettings(c.factory.Type()), cfg, consumertest.NewNop())
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", c.factory.Type(), err)
	}
	return p, p.Start(ctx, componenttest.NewNopHost())
}

// cost is what the processor needs for a tick: the median of the rounds, after one that is not counted. Each tick's samples are
// made before it is measured.
func (c *component) cost(ctx context.Context, o Options, tick func(at time.Time) []pmetric.Metrics) (_ measure.Cost, err error) {
	p, err := c.start(ctx)
	if err != nil {
		return measure.Cost{}, err
	}
	defer func() { err = errors.Join(err, p.Shutdown(ctx)) }()
	at := time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)
	var cpu []time.Duration
	var allocations []uint64
	for round := range o.Rounds + 1 {
		var sum measure.Cost
		for range o.Ticks {
			at = at.Add(time.Second)
			batches := tick(at)
			cost, err := measure.Warm(func() error {
				for _, md := range batches {
					if err := p.ConsumeMetrics(ctx, md); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return measure.Cost{}, fmt.Errorf("%s: %w", c.factory.Type(), err)
			}
			sum.Add(cost)
		}
		if round > 0 {
			cpu = append(cpu, sum.CPU/time.Duration(o.Ticks))
			allocations = append(allocations, sum.Allocations/uint64(o.Ticks))
		}
	}
	return measure.Cost{CPU: measure.Median(cpu), Allocations: measure.Median(allocations)}, nil
}

// addSample adds a sample of a container with a value for each feature.
func addSample(md pmetric.Metrics, scope string, container int, at time.Time, features []string, value func(feature int) int64) {
	rm := md.ResourceMetrics().AppendEmpty()
	attributes := rm.Resource().Attributes()
	attributes.PutStr("container.id", fmt.Sprintf("%064x", container))
	attributes.PutStr("k8s.namespace.name", "shop")
	attributes.PutStr("k8s.deployment.name", fmt.Sprint("web", container/10))
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(scope)
	for i, name := range features {
		m := sm.Metrics().AppendEmpty()
		m.SetName(name)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		point := sum.DataPoints().AppendEmpty()
		point.SetTimestamp(pcommon.NewTimestampFromTime(at))
		point.SetStartTimestamp(pcommon.NewTimestampFromTime(at.Add(-time.Second)))
		point.SetIntValue(value(i))
	}
}
