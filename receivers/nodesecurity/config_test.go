// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

func TestConfigErrorsNameTheKeyTheRuleAndTheValue(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"interval", "collection_interval: 50ms", "collection_interval: must be whole milliseconds and at least 100ms, got 50ms"},
		{"root path", "root_path: hostfs", `root_path: must be an absolute path, got "hostfs"`},
		{"temporality", "temporality: both", `temporality: must be "delta" or "cumulative", got "both"`},
		{"cgroups", "bpf: {max_cgroups: 4}", "bpf: max_cgroups: must be 16 to 65536, got 4"},
		{"posture", "posture: {interval: 10ms}", "posture: interval: must be at least 1s, got 10ms"},
		{"events", "events: {max_per_tick: -1}", "events: max_per_tick: must not be negative, got -1"},
		{"metric", "metrics: {nodesec.exek: {enabled: false}}", `metrics: must be names of metrics of this receiver, got "nodesec.exek"`},
		{"class", "classes: {paths: {persistence+: [etc/cron]}}", "etc/cron"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorContains(t, load(t, tt.yaml), tt.want)
		})
	}
	assert.NoError(t, load(t, "classes: {executables: {miner+: [grinder]}}\nmetrics: {nodesec.exec: {enabled: false}}"))
	assert.NoError(t, load(t, "{}"))
}

func load(t *testing.T, yaml string) error {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	cfg := createDefaultConfig()
	require.NoError(t, conf.Unmarshal(cfg))
	return confmap.Validate(cfg)
}
