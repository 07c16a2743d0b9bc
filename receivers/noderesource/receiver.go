// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// nodeReceiver samples at every tick and hands the samples of one tick on as one pmetric.Metrics.
type nodeReceiver struct {
	cfg      *Config
	settings receiver.Settings
	next     consumer.Metrics

	scraper *scraper
	report  *receiverhelper.ObsReport
	cancel  context.CancelFunc // nil before Start
	running sync.WaitGroup
}

func newNodeReceiver(cfg *Config, settings receiver.Settings, next consumer.Metrics) *nodeReceiver {
	return &nodeReceiver{cfg: cfg, settings: settings, next: next}
}

// Start opens /proc and starts to sample at the next tick.
func (r *nodeReceiver) Start(context.Context, component.Host) error {
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID:             r.settings.ID,
		ReceiverCreateSettings: r.settings,
	})
	if err != nil {
		return err
	}
	s, err := newScraper(r.cfg, r.settings, hostClock())
	if err != nil {
		return err
	}
	r.report, r.scraper = report, s
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.running.Go(func() {
		tick.Run(ctx, r.cfg.CollectionInterval, time.Now, func(t tick.Tick) { r.sample(ctx, t) })
	})
	return nil
}

// Shutdown ends the sampling and waits for the sample in progress.
func (r *nodeReceiver) Shutdown(context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	r.running.Wait()
	return r.scraper.close()
}

func (r *nodeReceiver) sample(ctx context.Context, t tick.Tick) {
	ctx = r.report.StartMetricsOp(ctx)
	metrics := r.scraper.scrape(ctx, t)
	points := metrics.DataPointCount()
	err := r.next.ConsumeMetrics(ctx, metrics)
	r.report.EndMetricsOp(ctx, metadata.Type.String(), points, err)
	if err != nil {
		r.settings.Logger.Error("Samples not accepted", zap.Time("tick", t.Time), zap.Int("points", points), zap.Error(err))
	}
}
