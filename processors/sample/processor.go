// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"
)

// sampleProcessor guards an assembler and hands on what it emits. One call at a time works on it, from taking parts to
// the answer of the next component, so that ticks are handed on in order; others wait as long as their context allows.
//
// What completes a tick hands it on, and gets the error if that fails. Errors of ticks that are emitted because time
// passed are logged. Either way the samples are gone: to keep what can't be stored is the task of the exporter's queue.
type sampleProcessor struct {
	next   consumer.Metrics
	logger *zap.Logger
	now    func() time.Time

	busy      chan struct{} // holds an element while a call works on what follows
	assembler *assembler
	telemetry *telemetry
	timer     *time.Timer
	closed    bool
	warned    bool

	stop    chan struct{}
	cancel  context.CancelFunc // nil before Start
	running sync.WaitGroup
	once    sync.Once
}

func newProcessor(
	cfg *Config, settings processor.Settings, next consumer.Metrics, now func() time.Time,
) (*sampleProcessor, error) {
	t, err := newTelemetry(settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	p := &sampleProcessor{
		next: next, logger: settings.Logger, now: now, telemetry: t,
		assembler: newAssembler(cfg, settings.BuildInfo.Version),
		busy:      make(chan struct{}, 1), stop: make(chan struct{}),
		timer: time.NewTimer(time.Hour),
	}
	p.timer.Stop()
	return p, nil
}

// Capabilities says that the processor takes over the metrics that it is given.
func (p *sampleProcessor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start starts to wait for the ticks that no arrival completes.
func (p *sampleProcessor) Start(context.Context, component.Host) error {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.running.Go(func() { p.run(ctx) })
	return nil
}

// Shutdown emits what is held.
func (p *sampleProcessor) Shutdown(ctx context.Context) (err error) {
	p.once.Do(func() { err = p.shutdown(ctx) })
	return err
}

func (p *sampleProcessor) shutdown(ctx context.Context) error {
	close(p.stop)
	if p.cancel != nil {
		release := context.AfterFunc(ctx, p.cancel) // what is being handed on may end, unless time is up
		p.running.Wait()
		release()
		p.cancel()
	}
	if err := p.acquire(ctx); err != nil {
		return err
	}
	defer p.release()
	defer p.telemetry.close()
	p.closed = true
	p.timer.Stop()
	p.assembler.begin(p.now())
	return p.handOn(ctx)
}

// ConsumeMetrics takes over the metrics and hands on the ticks that they complete.
func (p *sampleProcessor) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if err := p.acquire(ctx); err != nil {
		return err
	}
	defer p.release()
	p.assembler.begin(p.now())
	p.assembler.add(md)
	return p.handOn(ctx)
}

func (p *sampleProcessor) run(ctx context.Context) {
	for {
		select {
		case <-p.stop:
			return
		case <-p.timer.C:
			p.expire(ctx)
		}
	}
}

func (p *sampleProcessor) expire(ctx context.Context) {
	if err := p.acquire(ctx); err != nil {
		return // shut down
	}
	defer p.release()
	p.assembler.begin(p.now())
	p.assembler.expire()
	if err := p.handOn(ctx); err != nil {
		p.logger.Error("Samples not accepted", zap.Error(err))
	}
}

// handOn hands on what was emitted, and sets the timer for what is held. After Shutdown nothing is.
func (p *sampleProcessor) handOn(ctx context.Context) error {
	a := p.assembler
	if p.closed {
		a.flush(reasonShutdown)
	}
	if deadline, ok := a.next(); ok {
		p.timer.Reset(max(deadline.Sub(a.now), 0))
	} else {
		p.timer.Stop()
	}
	if scope := a.tally.repeated; scope != "" && !p.warned {
		p.warned = true
		p.logger.Warn("Points dropped: the source reported a series more than once in a tick. Does it measure more often "+
			"than the setting interval says?", zap.String("source", scope))
	}
	p.telemetry.record(ctx, a)
	out := a.takeOut()
	resources := out.ResourceMetrics().Len()
	if resources == 0 {
		return nil
	}
	if err := p.next.ConsumeMetrics(ctx, out); err != nil {
		p.telemetry.builder.SampleFailed.Add(ctx, int64(resources))
		return fmt.Errorf("hand on %d samples: %w", resources, err)
	}
	return nil
}

func (p *sampleProcessor) acquire(ctx context.Context) error {
	select {
	case p.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *sampleProcessor) release() { <-p.busy }
