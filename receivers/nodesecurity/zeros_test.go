// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"flag"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	vocabulary "github.com/nodesec/nodesec/internal/feature"
	"github.com/nodesec/nodesec/internal/zeros"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/posture"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

var update = flag.Bool("update", false, "write the list of features instead of comparing with it")

// TestFeaturesThatMayBeLeftOut compares the list of features with metadata.yaml; go test -update adds what is new at its
// end. What is gone stays, so that numbers never change.
func TestFeaturesThatMayBeLeftOut(t *testing.T) {
	const path = "../../internal/zeros/features.txt"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	list, now := zeros.Parse(string(text)), testCatalogue(t).features()
	known := newNumbers(list)
	for _, f := range now {
		if number, ok := known[[2]string{f.Metric, f.Value}]; ok {
			list[number] = f
		} else {
			list = append(list, f)
		}
	}
	var b strings.Builder
	for _, f := range list {
		b.WriteString(f.String() + "\n")
	}
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
		return
	}
	assert.Equal(t, b.String(), string(text))
}

// featuresOf are the data points of a sample by the names of the features, with those of the zeros that were left out.
func featuresOf(t *testing.T, rm pmetric.ResourceMetrics) iter.Seq2[string, pmetric.NumberDataPoint] {
	list := zeros.Features()
	return func(yield func(string, pmetric.NumberDataPoint) bool) {
		for _, metric := range rm.ScopeMetrics().At(0).Metrics().All() {
			points := metric.Gauge().DataPoints
			if metric.Type() == pmetric.MetricTypeSum {
				points = metric.Sum().DataPoints
			}
			for _, p := range points().All() {
				if metric.Name() != zeros.Metric {
					if !yield(vocabulary.Name(metric.Name(), p.Attributes()), p) {
						return
					}
					continue
				}
				mask, ok := zeros.Read(p)
				require.True(t, ok)
				for number := range mask.All() {
					if name, zero := pointOf(list[number], p); !yield(name, zero) {
						return
					}
				}
			}
		}
	}
}

func pointOf(f zeros.Feature, mask pmetric.NumberDataPoint) (name string, zero pmetric.NumberDataPoint) {
	zero = pmetric.NewNumberDataPoint()
	zero.SetTimestamp(mask.Timestamp())
	zero.SetStartTimestamp(mask.StartTimestamp())
	if zero.SetIntValue(0); f.Double {
		zero.SetDoubleValue(0)
	}
	if f.Attribute != "" {
		zero.Attributes().PutStr(f.Attribute, f.Value)
	}
	return vocabulary.Name(f.Metric, zero.Attributes()), zero
}

func someFacts() []posture.Fact {
	return []posture.Fact{
		{Metric: posture.Property, Name: "privileged", Value: 0}, {Metric: posture.Property, Name: "root", Value: 1},
		{Metric: posture.Capability, Name: "bpf", Value: 0}, {Metric: posture.Capabilities, Value: 14},
	}
}

// sampleOf writes a sample of a container with posture.
func sampleOf(cfg *Config, t *testing.T, of *entity) pmetric.ResourceMetrics {
	e := newEmitter(cfg, testCatalogue(t), "1", 1<<probe.GroupDatagrams)
	e.begin(time.Unix(100, 0))
	w := e.sample(of.resource, time.Unix(99, 0), &of.totals)
	w.activity(&of.activity, false)
	show := e.show(posture.Catalogue(), someFacts())
	w.posture(posture.Catalogue(), &show)
	of.write(&w, quality{}, time.Second)
	return e.samples.ResourceMetrics().At(0)
}

// values are those of the points, by type and name, with their times.
func values(t *testing.T, rm pmetric.ResourceMetrics) map[string]any {
	all := map[string]any{}
	for name, p := range featuresOf(t, rm) {
		assert.NotContains(t, all, name)
		all[name] = []any{p.StartTimestamp(), p.Timestamp(), p.ValueType(), p.IntValue(), p.DoubleValue(), p.Attributes().AsRaw()}
	}
	return all
}

func writeZeros() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Metrics = map[string]MetricConfig{zeros.Metric: {Enabled: false}}
	return cfg
}

func TestZerosThatAreLeftOutAreThoseThatWereWritten(t *testing.T) {
	for name, of := range map[string]*entity{
		"a busy container": testEntity(), "an idle one": {container: testEntity().container, resource: pcommon.NewResource()},
	} {
		t.Run(name, func(t *testing.T) {
			left, whole := sampleOf(createDefaultConfig().(*Config), t, of), sampleOf(writeZeros(), t, of)
			assert.Equal(t, values(t, whole), values(t, left))
			assert.Contains(t, values(t, left), "posture_capability_bpf")
			for _, metric := range whole.ScopeMetrics().At(0).Metrics().All() {
				assert.NotEqual(t, zeros.Metric, metric.Name())
			}
			points := 0
			for range left.ScopeMetrics().At(0).Metrics().All() {
				points++
			}
			assert.Less(t, points, 30)
		})
	}
}

func TestWhatIsNotMeasuredIsNotZero(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	for _, off := range []string{
		"nodesec.exec", "nodesec.syscall.entropy", "nodesec.distinct", "nodesec.posture", "nodesec.quality.first",
	} {
		cfg.Metrics = map[string]MetricConfig{off: {Enabled: false}}
		with := values(t, sampleOf(createDefaultConfig().(*Config), t, testEntity()))
		without := values(t, sampleOf(cfg, t, testEntity()))
		assert.Less(t, len(without), len(with), off)
		for name := range without {
			assert.Equal(t, with[name], without[name], name)
		}
	}
	assert.NotContains(t, values(t, sampleOf(cfg, t, testEntity())), "network_udp_flow", "a group that is missing")
}

func TestRunningSumsAreWrittenAtZero(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Temporality = temporalityCumulative
	for _, metric := range sampleOf(cfg, t, testEntity()).ScopeMetrics().At(0).Metrics().All() {
		assert.NotEqual(t, zeros.Metric, metric.Name())
	}
}

func TestASampleDoesNotRememberZerosOfTheOneBefore(t *testing.T) {
	e := newEmitter(createDefaultConfig().(*Config), testCatalogue(t), "1", 0)
	idle := &entity{container: testEntity().container, resource: pcommon.NewResource()}
	written(t, e, idle)
	values, _ := written(t, e, testEntity())
	assert.Equal(t, 7.0, values["file_open"])
}
