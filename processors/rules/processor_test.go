// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/nodesec/nodesec/processors/rules/internal/metadata"
)

// rig is a running processor, what it hands on, and its own metrics.
type rig struct {
	*rulesProcessor
	sink      *consumertest.MetricsSink
	telemetry *componenttest.Telemetry
	at        time.Time
}

func newRig(t testing.TB, cfg *Config) *rig {
	require.NoError(t, cfg.Validate())
	r := &rig{
		sink: new(consumertest.MetricsSink), telemetry: componenttest.NewTelemetry(),
		at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
	settings := processortest.NewNopSettings(metadata.Type)
	settings.TelemetrySettings = r.telemetry.NewTelemetrySettings()
	p, err := newProcessor(cfg, settings, r.sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	r.rulesProcessor = p
	t.Cleanup(func() {
		require.NoError(t, p.Shutdown(context.Background()))
		require.NoError(t, r.telemetry.Shutdown(context.Background()))
	})
	return r
}

// sample appends a sample of a container. Values are by metric, or by metric and the value of one attribute.
func sample(md pmetric.Metrics, container string, at time.Time, values map[[2]string]float64) pmetric.ResourceMetrics {
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("container.id", container)
	rm.Resource().Attributes().PutStr("k8s.namespace.name", "shop")
	rm.Resource().Attributes().PutStr("container.image.name", "nginx")
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	names := slices.Collect(maps.Keys(values))
	slices.SortFunc(names, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	for _, name := range names {
		value := values[name]
		m := metrics.AppendEmpty()
		m.SetName(name[0])
		points := m.SetEmptySum().DataPoints()
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		p := points.AppendEmpty()
		p.SetTimestamp(pcommon.NewTimestampFromTime(at))
		p.SetStartTimestamp(pcommon.NewTimestampFromTime(at.Add(-10 * time.Second)))
		p.SetDoubleValue(value)
		if name[1] != "" {
			p.Attributes().PutStr("kind", name[1])
		}
	}
	return rm
}

// send sends a sample of a container, 10 seconds after the one before, and returns the attributes that come out.
func (r *rig) send(t testing.TB, values map[[2]string]float64) map[string]any {
	r.at = r.at.Add(10 * time.Second)
	md := pmetric.NewMetrics()
	sample(md, "c1", r.at, values)
	require.NoError(t, r.ConsumeMetrics(t.Context(), md))
	all := r.sink.AllMetrics()
	return all[len(all)-1].ResourceMetrics().At(0).Resource().Attributes().AsRaw()
}

var (
	webShell = [2]string{"nodesec.exec", "shell_web_server"}
	memfd    = [2]string{"nodesec.exec", "memfd"}
)

const memfdRule = `  - name: memfd
    description: A program was run out of memory.
    condition: fileless && rate(exec_memfd) > 0.1
    severity: FATAL
    techniques: [T1620, T1059.004]
`

func TestTagsOfASample(t *testing.T) {
	cfg, _ := configOf(t, "macros: {fileless: exec_memfd > 0}\n"+shellRule)
	file := filepath.Join(t.TempDir(), "more.yaml")
	require.NoError(t, os.WriteFile(file, []byte("rules:\n"+memfdRule), 0o600))
	cfg.Files = append(cfg.Files, file)
	r := newRig(t, cfg)
	md := pmetric.NewMetrics()
	sample(md, "both", r.at, map[[2]string]float64{webShell: 2, memfd: 3})
	sample(md, "one", r.at, map[[2]string]float64{webShell: 1})
	sample(md, "none", r.at, map[[2]string]float64{webShell: 0, memfd: 0})
	before := sample(md, "tagged before", r.at, map[[2]string]float64{webShell: 1, memfd: 0}).Resource().Attributes()
	before.PutEmptySlice(attributeRules).AppendEmpty().SetStr("agent")
	before.PutStr(attributeSeverity, "FATAL2")
	before.PutEmptySlice(attributeTechniques).AppendEmpty().SetStr("T1190")
	require.NoError(t, r.ConsumeMetrics(t.Context(), md))
	got := r.sink.AllMetrics()[0]
	path := filepath.Join("testdata", "tagged.yaml")
	if *update {
		require.NoError(t, golden.WriteMetricsToFile(path, got))
	}
	want, err := golden.ReadMetrics(path)
	require.NoError(t, err)
	require.NoError(t, pmetrictest.CompareMetrics(want, got, pmetrictest.IgnoreResourceMetricsOrder(),
		pmetrictest.IgnoreMetricsOrder(), pmetrictest.IgnoreTimestamp(), pmetrictest.IgnoreStartTimestamp()))
}

func TestNothingIsSetWhenNoRuleFires(t *testing.T) {
	cfg, _ := configOf(t, shellRule)
	r := newRig(t, cfg)
	assert.Len(t, r.send(t, map[[2]string]float64{webShell: 0}), 3)
}

func TestEvidenceCanBeLeftOut(t *testing.T) {
	cfg, _ := configOf(t, shellRule)
	cfg.Evidence = false
	got := newRig(t, cfg).send(t, map[[2]string]float64{webShell: 1})
	assert.Equal(t, []any{"shell"}, got[attributeRules])
	assert.NotContains(t, got, attributeEvidence)
}

func TestWrongRulesStopTheStart(t *testing.T) {
	cfg, _ := configOf(t, "rules: [{name: r, description: d, severity: WARN, condition: nope1 > 0}]")
	p, err := newProcessor(cfg, processortest.NewNopSettings(metadata.Type), consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, p.Start(t.Context(), nil), "unknown feature or name nope1")
	require.NoError(t, p.Shutdown(t.Context()))
}

// sums returns the values of a self-metric by the value of its attribute.
func (r *rig) sums(name string) map[string]int64 {
	values := map[string]int64{}
	m, err := r.telemetry.GetMetric("otelcol_" + name)
	if err != nil {
		return values
	}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		key := ""
		for _, kv := range p.Attributes.ToSlice() {
			key = kv.Value.AsString()
		}
		values[key] = p.Value
	}
	return values
}

func TestSelfMetrics(t *testing.T) {
	cfg, _ := configOf(t, shellRule)
	cfg.MaxEntities = 3
	r := newRig(t, cfg)
	r.send(t, map[[2]string]float64{webShell: 1})
	r.send(t, map[[2]string]float64{memfd: 1})
	md := pmetric.NewMetrics()
	for i := range 5 {
		sample(md, fmt.Sprint("other", i), r.at.Add(time.Second), map[[2]string]float64{webShell: 1})
	}
	sample(md, "untimed", time.Time{}, nil)
	require.NoError(t, r.ConsumeMetrics(t.Context(), md))
	r.at = r.at.Add(cfg.EntityTTL - time.Minute)
	r.send(t, map[[2]string]float64{webShell: 0})
	r.at = r.at.Add(2 * time.Minute)
	r.send(t, map[[2]string]float64{webShell: 0})
	assert.Equal(t, map[string]int64{"shell": 6}, r.sums("rules_matches"))
	assert.Equal(t, map[string]int64{"shell": 1}, r.sums("rules_not_evaluable"))
	assert.Empty(t, r.sums("rules_errors"))
	assert.Equal(t, map[string]int64{"full": 4, "ttl": 2}, r.sums("rules_evictions"))
	assert.Equal(t, map[string]int64{"": 9}, r.sums("rules_evaluations"))
	assert.Equal(t, map[string]int64{"": 1}, r.sums("rules_untimed"))
}

func TestReload(t *testing.T) {
	cfg, path := configOf(t, "rules: [{name: held, description: d, severity: WARN, condition: exec_memfd > 0, for: 20s}]")
	cfg.Reload = time.Hour // the test looks itself
	r := newRig(t, cfg)
	one := map[[2]string]float64{memfd: 1}
	r.send(t, one)
	r.send(t, one)
	write := func(text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		r.reloader.look()
		r.reloader.look() // what is seen once is not told again
	}
	write("rules: [{name: held, description: d, severity: WARN, condition: nope1 > 0}]")
	assert.Equal(t, map[string]int64{"failed": 1}, r.sums("rules_reloads"))
	write("rules:\n  - {name: held, description: d2, severity: ERROR, condition: exec_memfd > 0, for: 20s}\n" +
		"  - {name: new, description: d, severity: INFO, condition: exec_memfd > 0}\n")
	got := r.send(t, one)
	assert.Equal(t, []any{"held", "new"}, got[attributeRules], "it has held for 20s, part of them before the reload")
	assert.Equal(t, "ERROR", got[attributeSeverity])
	require.NoError(t, os.Remove(path))
	r.reloader.look()
	assert.Equal(t, []any{"held", "new"}, r.send(t, one)[attributeRules], "without the file the rules stay")
	assert.Equal(t, map[string]int64{"failed": 2, "ok": 1}, r.sums("rules_reloads"))
}

func TestReloadByItself(t *testing.T) {
	cfg, path := configOf(t, shellRule)
	cfg.Reload = time.Second
	r := newRig(t, cfg)
	require.NoError(t, os.WriteFile(path, []byte(shellRule+"# changed\n"), 0o600))
	require.Eventually(t, func() bool { return r.sums("rules_reloads")["ok"] == 1 }, 20*time.Second, 50*time.Millisecond)
}

func TestConcurrentUse(t *testing.T) {
	cfg, path := configOf(t, shellRule)
	cfg.Reload = time.Hour
	r := newRig(t, cfg)
	var running sync.WaitGroup
	for i := range 4 {
		running.Go(func() {
			for j := range 50 {
				md := pmetric.NewMetrics()
				sample(md, fmt.Sprint("c", i), r.at.Add(time.Duration(j)*time.Second), map[[2]string]float64{webShell: 1})
				assert.NoError(t, r.ConsumeMetrics(context.Background(), md))
			}
		})
	}
	for i := range 10 {
		assert.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "%s# %d\n", shellRule, i), 0o600))
		r.reloader.look()
	}
	running.Wait()
	assert.Equal(t, map[string]int64{"shell": 200}, r.sums("rules_matches"))
}

func TestShutdownBeforeStart(t *testing.T) {
	p, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(component.MustNewType("rules")), NewDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.Shutdown(t.Context()))
}
