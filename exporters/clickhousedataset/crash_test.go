// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/nodesec/nodesec/exporters/clickhousedataset/internal/metadata"
)

// startQueued starts the exporter as a collector has it, with a queue and quick retries without end.
func startQueued(t *testing.T, cfg *Config, settings exporter.Settings) exporter.Metrics {
	queue := exporterhelper.NewDefaultQueueConfig()
	queue.NumConsumers, queue.QueueSize, queue.BlockOnOverflow = 4, 20, true
	cfg.Queue = configoptional.Some(queue)
	cfg.Retry.Enabled, cfg.Retry.MaxElapsedTime = true, 0
	cfg.Retry.InitialInterval, cfg.Retry.MaxInterval = 10*time.Millisecond, 100*time.Millisecond
	e, err := NewFactory().CreateMetrics(t.Context(), settings, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	return e
}

// TestServerCrashesLoseAndDoubleNothing kills the server again and again while batches come in, and counts.
func TestServerCrashesLoseAndDoubleNothing(t *testing.T) {
	const (
		crashes    = 6
		containers = 50
		features   = 20
	)
	s := startServer(t)
	cfg := newDatabase(t, s).config() // that connection dies with the server
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	settings := exportertest.NewNopSettings(metadata.Type)
	settings.TelemetrySettings = telemetry.NewTelemetrySettings()
	e := startQueued(t, cfg, settings)

	var sent atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	fleet := newFleet(containers, features)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				metrics := fleet.tick(time.Unix(1_800_000_000+10*sent.Load(), 0))
				assert.NoError(t, e.ConsumeMetrics(context.Background(), metrics))
				sent.Add(1)
			}
		}
	}()
	for range crashes {
		time.Sleep(time.Duration(200+rand.IntN(300)) * time.Millisecond)
		s.Kill(t)
		s.Restart(t)
	}
	close(stop)
	<-stopped

	d := newDatabase(t, s)
	d.name = cfg.Database
	want := uint64(sent.Load() * containers)
	require.Eventually(t, func() bool { return one[uint64](d, "SELECT count() FROM "+d.containers()) >= want },
		2*time.Minute, 100*time.Millisecond)
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Equal(t, want, one[uint64](d, "SELECT count() FROM "+d.containers()), "rows")
	assert.Equal(t, want, one[uint64](d, "SELECT uniqExact(entity, ts) FROM "+d.containers()), "different rows")
	assert.Equal(t, checksum(newFleet(containers, features), int(sent.Load())), one[float64](d,
		"SELECT sum(arraySum(x -> isNaN(x) ? 0 : x, [COLUMNS('^container_some_')])) FROM "+d.containers()),
		"sum of all values")
	_, err := telemetry.GetMetric("otelcol_clickhousedataset_retries")
	require.NoError(t, err, "no attempt failed: the server was not killed while batches were stored")
	t.Logf("%d batches, %d crashes", sent.Load(), crashes)
}

// checksum is the sum of all values of the first ticks. All are integers, so the order of adding does not matter.
func checksum(f *fleet, ticks int) (sum float64) {
	for i := range ticks {
		for _, rm := range f.tick(time.Unix(1_800_000_000+10*int64(i), 0)).ResourceMetrics().All() {
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				sum += float64(numberPoints(m).At(0).IntValue())
			}
		}
	}
	return sum
}

func TestClickHouseMayBeAwayAtStart(t *testing.T) {
	s := startServer(t)
	d := newDatabase(t, s)
	s.Stop(t)
	e := start(t, d.config())
	metrics := gauge("c", "a", at(1_800_000_000), 1)
	err := e.consume(t.Context(), metrics)
	require.Error(t, err)
	require.False(t, consumererror.IsPermanent(err), "%v", err)
	s.Restart(t)
	require.NoError(t, e.consume(t.Context(), metrics))
	assert.Equal(t, 1.0, one[float64](d, "SELECT a FROM "+d.containers()))
}

func TestTheNextEndpointTakesOver(t *testing.T) {
	first, second := startServer(t), startServer(t)
	a, b := newDatabase(t, first), newDatabase(t, second)
	b.name = a.name
	cfg := a.config()
	cfg.Endpoints = append(cfg.Endpoints, b.endpoint)
	e := start(t, cfg)
	require.NoError(t, e.consume(t.Context(), gauge("c", "a", at(1_800_000_000), 1)))
	assert.Equal(t, 1.0, one[float64](a, "SELECT a FROM "+a.containers()), "the first is used while it answers")
	first.Kill(t)
	require.Eventually(t, func() bool {
		return e.consume(t.Context(), gauge("c", "a", at(1_800_000_001), 2)) == nil
	}, time.Minute, 10*time.Millisecond)
	assert.Equal(t, 2.0, one[float64](b, "SELECT a FROM "+b.containers()))
}

func TestAWrongPasswordIsTriedAgain(t *testing.T) {
	d := newDatabase(t, startServer(t))
	cfg := d.config()
	cfg.Username, cfg.Password = "nobody", "secret"
	err := start(t, cfg).consume(t.Context(), gauge("c", "a", at(1_800_000_000), 1))
	require.ErrorContains(t, err, `refuses user "nobody"`)
	assert.NotContains(t, err.Error(), "secret")
	assert.False(t, consumererror.IsPermanent(err))
}
