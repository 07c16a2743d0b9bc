// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/nodesec/nodesec/processors/rules/internal/engine"
)

// rulesProcessor evaluates rules over samples and hands the samples on, tagged. One call at a time evaluates, for the past
// of an entity has an order; handing on is not part of that.
type rulesProcessor struct {
	cfg       *Config
	next      consumer.Metrics
	logger    *zap.Logger
	telemetry *telemetry

	mu     sync.Mutex
	engine *engine.Engine // nil before Start
	reader *reader

	reloader *reloader
}

func newProcessor(cfg *Config, settings processor.Settings, next consumer.Metrics) (*rulesProcessor, error) {
	t, err := newTelemetry(settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &rulesProcessor{cfg: cfg, next: next, logger: settings.Logger, telemetry: t}, nil
}

// Capabilities says that the processor adds attributes to the metrics that it is given.
func (p *rulesProcessor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start compiles the rules. What is wrong with them stops the start.
func (p *rulesProcessor) Start(context.Context, component.Host) error {
	sources, err := read(p.cfg)
	if err != nil {
		return err
	}
	loaded, err := compile(p.cfg, sources)
	if err != nil {
		return err
	}
	loaded.program.ForgetTests()
	p.mu.Lock()
	p.engine = engine.NewEngine(loaded.program, engine.Settings{TTL: p.cfg.EntityTTL, MaxEntities: p.cfg.MaxEntities})
	p.reader = newReader(p.engine)
	p.telemetry.use(loaded.program)
	p.mu.Unlock()
	p.logger.Info("Rules compiled", zap.Int("rules", len(loaded.program.Rules)))
	if p.cfg.Reload > 0 && len(p.cfg.Files) > 0 {
		p.reloader = newReloader(p.cfg, p.logger, fingerprint(sources), p.replace)
		p.reloader.start()
	}
	return nil
}

// Shutdown stops to look at the files.
func (p *rulesProcessor) Shutdown(context.Context) error {
	if p.reloader != nil {
		p.reloader.shutdown()
		p.reloader = nil
	}
	p.telemetry.close()
	return nil
}

// replace takes over new rules, or counts that they did not compile.
func (p *rulesProcessor) replace(loaded *Rules) {
	ctx := context.Background()
	if loaded == nil {
		p.telemetry.builder.RulesReloads.Add(ctx, 1, p.telemetry.failed)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.engine.Replace(loaded.program)
	p.reader.forget()
	p.telemetry.use(loaded.program)
	p.telemetry.builder.RulesReloads.Add(ctx, 1, p.telemetry.ok)
}

// ConsumeMetrics tags the samples and hands them on.
func (p *rulesProcessor) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	p.evaluate(ctx, md)
	return p.next.ConsumeMetrics(ctx, md)
}

func (p *rulesProcessor) evaluate(ctx context.Context, md pmetric.Metrics) {
	p.mu.Lock()
	defer p.mu.Unlock()
	started := time.Now()
	untimed := int64(0)
	resources := md.ResourceMetrics()
	for i := range resources.Len() {
		rm := resources.At(i)
		if !p.reader.read(rm) {
			untimed++
			continue
		}
		tag(rm.Resource().Attributes(), p.engine, p.engine.Evaluate(), p.cfg.Evidence)
	}
	p.engine.Expire()
	p.telemetry.record(ctx, p.engine, time.Since(started))
	if untimed > 0 {
		p.telemetry.builder.RulesUntimed.Add(ctx, untimed)
	}
}
