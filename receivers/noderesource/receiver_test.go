// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadatatest"
)

func TestReceiverSamplesThisHostOnTheGrid(t *testing.T) {
	const interval = 200 * time.Millisecond
	cfg := createDefaultConfig().(*Config)
	cfg.CollectionInterval = interval
	sink := new(consumertest.MetricsSink)
	r, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	starting, cancel := context.WithCancel(t.Context())
	require.NoError(t, r.Start(starting, componenttest.NewNopHost()))
	cancel() // the receiver lives on
	require.Eventually(t, func() bool { return len(sink.AllMetrics()) >= 4 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))

	done := len(sink.AllMetrics())
	time.Sleep(2 * interval)
	assert.Len(t, sink.AllMetrics(), done, "it sampled on after Shutdown")

	previous := time.Time{}
	for _, metrics := range sink.AllMetrics() {
		tick, scopes := checkTick(t, metrics)
		assert.Zero(t, tick.UnixNano()%int64(interval))
		assert.True(t, tick.After(previous))
		previous = tick
		assert.Equal(t, 1, scopes[entity.Node])
		assert.Positive(t, scopes[entity.Process])
	}
}

// checkTick checks that all points of a tick carry its time, that no entity is there twice, and counts the entities.
func checkTick(t *testing.T, metrics pmetric.Metrics) (tick time.Time, scopes map[entity.Scope]int) {
	scopes = map[entity.Scope]int{}
	seen := map[uint64]bool{}
	for _, resource := range metrics.ResourceMetrics().All() {
		id := entity.Of(resource.Resource().Attributes())
		assert.False(t, seen[id.Hash], "%v twice", resource.Resource().Attributes().AsRaw())
		seen[id.Hash] = true
		scopes[id.Scope]++
		for _, metric := range resource.ScopeMetrics().At(0).Metrics().All() {
			var dps pmetric.NumberDataPointSlice
			if metric.Type() == pmetric.MetricTypeSum {
				assert.Equal(t, pmetric.AggregationTemporalityDelta, metric.Sum().AggregationTemporality())
				dps = metric.Sum().DataPoints()
			} else {
				dps = metric.Gauge().DataPoints()
			}
			for _, p := range dps.All() {
				if tick.IsZero() {
					tick = p.Timestamp().AsTime()
				}
				assert.Equal(t, tick, p.Timestamp().AsTime(), metric.Name())
				assert.LessOrEqual(t, p.StartTimestamp(), p.Timestamp(), metric.Name())
			}
		}
	}
	return tick, scopes
}

func TestReceiverNeedsAProcFileSystem(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.RootPath = t.TempDir()
	r := newNodeReceiver(cfg, receivertest.NewNopSettings(metadata.Type), consumertest.NewNop())
	err := r.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorContains(t, err, filepath.Join(cfg.RootPath, "proc"))
	require.NoError(t, r.Shutdown(t.Context()), "after a failed Start")
}

func TestReceiverShutsDownWhileTheNextConsumerBlocks(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.CollectionInterval, cfg.Scopes = minInterval, []string{scopeProcess}
	blocked := make(chan struct{}, 100)
	next, err := consumer.NewMetrics(func(ctx context.Context, _ pmetric.Metrics) error {
		blocked <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	require.NoError(t, err)
	r := newNodeReceiver(cfg, receivertest.NewNopSettings(metadata.Type), next)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	<-blocked
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestReceiverGoesOnWhenSamplesAreNotAccepted(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.CollectionInterval, cfg.Scopes = minInterval, []string{scopeProcess}
	calls := make(chan struct{}, 100)
	next, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error {
		calls <- struct{}{}
		return errors.New("full")
	})
	require.NoError(t, err)
	r := newNodeReceiver(cfg, receivertest.NewNopSettings(metadata.Type), next)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	<-calls
	<-calls
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestScraperCountsWhatItDoes(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	run := newProcessRun(t)
	var err error
	run.scraper.telemetry, err = metadata.NewTelemetryBuilder(metadatatest.NewSettings(telemetry).TelemetrySettings)
	require.NoError(t, err)
	run.scraper.processes.choice.all = false
	run.remove(shell, "stat") // vanished
	run.remove(parent, "io")  // a read error, next to those of two processes without descriptors
	run.scrape()
	point := func(value int64) []metricdata.DataPoint[int64] { return []metricdata.DataPoint[int64]{{Value: value}} }
	metadatatest.AssertEqualNoderesourceScrapes(t, telemetry, point(1), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualNoderesourceMissedTicks(t, telemetry, point(0), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualNoderesourceVanished(t, telemetry, point(1), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualNoderesourceReadErrors(t, telemetry, point(3), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualNoderesourceNotEmitted(t, telemetry, point(2), metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualNoderesourceSkew(t, telemetry, []metricdata.HistogramDataPoint[float64]{{}},
		metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreValue())
	metadatatest.AssertEqualNoderesourceScrapeDuration(t, telemetry, []metricdata.HistogramDataPoint[float64]{{}},
		metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreValue())
}
