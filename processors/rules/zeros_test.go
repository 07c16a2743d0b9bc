// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/zeros"
)

func TestZerosThatAreLeftOutAreZeros(t *testing.T) {
	cfg, _ := configOf(t, "rules: [{name: quiet, description: d, severity: WARN, "+
		"condition: exec_memfd == 0 && rate(exec_memfd) == 0}]")
	r := newRig(t, cfg)
	quiet := slices.IndexFunc(zeros.Features(), func(f zeros.Feature) bool {
		return f.Metric == memfd[0] && f.Value == memfd[1]
	})
	send := func(number int) any {
		r.at = r.at.Add(10e9)
		md := pmetric.NewMetrics()
		metrics := sample(md, "c1", r.at, map[[2]string]float64{{"other", ""}: 1}).ScopeMetrics().At(0).Metrics()
		other := metrics.At(0).Sum().DataPoints().At(0)
		masks := metrics.AppendEmpty()
		masks.SetName(zeros.Metric)
		point := masks.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetTimestamp(other.Timestamp())
		point.SetStartTimestamp(other.StartTimestamp())
		point.Attributes().PutInt(zeros.Attribute, int64(number/zeros.PerPoint))
		point.SetIntValue(1 << (number % zeros.PerPoint))
		require.NoError(t, r.ConsumeMetrics(t.Context(), md))
		all := r.sink.AllMetrics()
		return all[len(all)-1].ResourceMetrics().At(0).Resource().Attributes().AsRaw()[attributeRules]
	}
	assert.Equal(t, []any{"quiet"}, send(quiet))
	assert.Empty(t, r.sums("rules_not_evaluable"))
	assert.Nil(t, send(quiet+1), "another feature")
	assert.Nil(t, send(zeros.PerPoint*1000), "a feature that is newer")
	assert.Equal(t, map[string]int64{"quiet": 2}, r.sums("rules_not_evaluable"))

	loaded, err := read(cfg)
	require.NoError(t, err)
	other, err := compile(cfg, loaded)
	require.NoError(t, err)
	r.replace(other)
	assert.Equal(t, []any{"quiet"}, send(quiet), "after a reload")
}
