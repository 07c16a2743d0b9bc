// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// The load: loadTicks requests, each with one sample of loadContainers containers of loadFeatures features.
const (
	loadTicks      = 200
	loadContainers = 50
	loadFeatures   = 20
)

// loadTick returns the samples of tick n. The value of a feature is n*1000 + its number.
func loadTick(n int, start time.Time) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	ts := pcommon.NewTimestampFromTime(start.Add(time.Duration(n) * 100 * time.Millisecond))
	for c := range loadContainers {
		rm := metrics.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("host.name", "load")
		rm.Resource().Attributes().PutStr("container.id", fmt.Sprintf("load-%04d", c))
		list := rm.ScopeMetrics().AppendEmpty().Metrics()
		for f := range loadFeatures {
			metric := list.AppendEmpty()
			metric.SetName(fmt.Sprintf("load.feature%02d", f))
			point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
			point.SetTimestamp(ts)
			point.SetDoubleValue(float64(n*1000 + f))
		}
	}
	return metrics
}

// sendLoad sends the load to the collector that address names at the time, one request every 50 ms, and sends again
// what was not acknowledged, as an OTLP exporter does.
func sendLoad(t *testing.T, address func() string) (start time.Time) {
	start = time.Now().Truncate(time.Second).UTC()
	for n := range loadTicks {
		request := pmetricotlp.NewExportRequestFromMetrics(loadTick(n, start))
		eventually(t, "send the load", func(ctx context.Context) error {
			connection, err := grpc.NewClient(address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return err
			}
			defer func() { _ = connection.Close() }()
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			_, err = pmetricotlp.NewGRPCClient(connection).Export(ctx, request)
			return err
		})
		time.Sleep(50 * time.Millisecond)
	}
	return start
}

func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}
