// SPDX-License-Identifier: Apache-2.0

package nodesecurity

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
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
)

// securityReceiver samples at every tick and hands the samples of one tick on as one pmetric.Metrics, and the events as
// one plog.Logs. A collector that wants both makes one receiver of them, which is started and shut down twice.
type securityReceiver struct {
	cfg      *Config
	settings receiver.Settings
	metrics  consumer.Metrics // nil if not asked for
	logs     consumer.Logs    // nil if not asked for
	closed   func()

	start, stop        sync.Once
	startErr, closeErr error
	scraper            *scraper
	report             *receiverhelper.ObsReport
	cancel             context.CancelFunc // nil before Start
	running            sync.WaitGroup
}

// Start loads the BPF programs and starts to sample at the next tick.
func (r *securityReceiver) Start(context.Context, component.Host) error {
	r.start.Do(func() { r.startErr = r.begin() })
	return r.startErr
}

func (r *securityReceiver) begin() error {
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID:             r.settings.ID,
		ReceiverCreateSettings: r.settings,
	})
	if err != nil {
		return err
	}
	s, err := newScraper(r.cfg, r.settings)
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

// Shutdown ends the sampling, waits for the sample in progress and unloads the programs.
func (r *securityReceiver) Shutdown(context.Context) error {
	r.stop.Do(func() {
		r.closed()
		if r.cancel == nil {
			return
		}
		r.cancel()
		r.running.Wait()
		r.closeErr = r.scraper.close()
	})
	return r.closeErr
}

func (r *securityReceiver) sample(ctx context.Context, t tick.Tick) {
	metrics, logs := r.scraper.scrape(ctx, t)
	if r.metrics != nil {
		ctx := r.report.StartMetricsOp(ctx)
		points := metrics.DataPointCount()
		err := r.metrics.ConsumeMetrics(ctx, metrics)
		r.report.EndMetricsOp(ctx, metadata.Type.String(), points, err)
		if err != nil {
			r.settings.Logger.Error("Samples not accepted", zap.Time("tick", t.Time), zap.Int("points", points), zap.Error(err))
		}
	}
	if r.logs == nil || logs.LogRecordCount() == 0 {
		return
	}
	ctx = r.report.StartLogsOp(ctx)
	records := logs.LogRecordCount()
	err := r.logs.ConsumeLogs(ctx, logs)
	r.report.EndLogsOp(ctx, metadata.Type.String(), records, err)
	if err != nil {
		r.settings.Logger.Error("Events not accepted", zap.Time("tick", t.Time), zap.Int("records", records), zap.Error(err))
	}
}
