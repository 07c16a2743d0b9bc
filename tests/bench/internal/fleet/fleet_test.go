// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func smallFleet() Fleet {
	return Fleet{
		Nodes: 4, ContainersPerNode: 40, Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Interval: 10 * time.Second,
		Seed: 1,
	}
}

func TestTheSameFleetMakesTheSameData(t *testing.T) {
	a, b := smallFleet().New(), smallFleet().New()
	var marshaler pmetric.ProtoMarshaler
	for range 30 {
		left, err := marshaler.MarshalMetrics(a.Next())
		require.NoError(t, err)
		right, err := marshaler.MarshalMetrics(b.Next())
		require.NoError(t, err)
		require.Equal(t, left, right)
	}
}

func TestEveryTickHasEveryContainerAndPointsAreCounted(t *testing.T) {
	g := smallFleet().New()
	for range 3 {
		data := g.Next()
		require.Equal(t, 160, data.ResourceMetrics().Len())
		require.Equal(t, data.DataPointCount(), g.Points())
		require.InDelta(t, 160*60, g.Points(), 160, "containers without a limit lack one feature")
	}
}

func TestPodsComeAndGo(t *testing.T) {
	g := smallFleet().New()
	first, again := ids(g.Next()), map[string]bool{}
	for range 180 {
		again = ids(g.Next())
	}
	same := 0
	for id := range again {
		if first[id] {
			same++
		}
	}
	require.Len(t, again, 160)
	require.Less(t, same, 150)
	require.Greater(t, same, 80)
	_, lasting := g.Lasting()
	require.True(t, first[lasting] && again[lasting])
}

func TestTheCatalogueHas60FeaturesWith18Walks(t *testing.T) {
	features, walks := Features(), 0
	names := map[string]bool{}
	for _, f := range features {
		names[f.Name] = true
	}
	for _, m := range catalogue() {
		if m.behaviour == walk {
			walks += len(m.points())
		}
	}
	require.Len(t, features, 60)
	require.Len(t, Selection(), 10)
	require.Len(t, names, 60)
	require.Equal(t, 18, walks)
}

func TestCumulativeSumsNeverFall(t *testing.T) {
	g := smallFleet().New()
	latest := map[string]float64{}
	for range 50 {
		for _, rm := range g.Next().ResourceMetrics().All() {
			id, _ := rm.Resource().Attributes().Get("container.id")
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				if m.Type() != pmetric.MetricTypeSum ||
					m.Sum().AggregationTemporality() != pmetric.AggregationTemporalityCumulative {
					continue
				}
				for i, point := range m.Sum().DataPoints().All() {
					key := id.Str() + m.Name() + pcommon.NewValueInt(int64(i)).AsString()
					require.GreaterOrEqual(t, float64(point.IntValue()), latest[key])
					latest[key] = float64(point.IntValue())
				}
			}
		}
	}
	require.NotEmpty(t, latest)
}

func ids(data pmetric.Metrics) map[string]bool {
	out := map[string]bool{}
	for _, rm := range data.ResourceMetrics().All() {
		id, _ := rm.Resource().Attributes().Get("container.id")
		out[id.Str()] = true
	}
	return out
}
