// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func TestConfigOfEveryKey(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))

	want := createDefaultConfig().(*Config)
	want.CollectionInterval = time.Second
	want.RootPath = "/hostfs"
	want.NodeName = "node-1"
	want.Temporality = temporalityCumulative
	want.Scopes = []string{scopeNode, scopeProcess}
	want.Processes = ProcessesConfig{Top: 3, All: true, Match: []string{"^sshd$"}, CommandLine: commandLineFull}
	want.Devices.Max = 4
	assert.False(t, cfg.Metrics.ProcessUptime.Enabled)
	assert.False(t, cfg.ResourceAttributes.ProcessCommandLine.Enabled)
	cfg.MetricsBuilderConfig = want.MetricsBuilderConfig
	assert.Equal(t, want, cfg)
}

func TestConfigByDefaultIsValid(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, "/", cfg.root())
	assert.True(t, cfg.samples(scopeContainer))
}

func TestConfigOfEmptyValuesMeansTheDefaults(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.RootPath, cfg.Temporality, cfg.Scopes, cfg.Processes.CommandLine = "", "", nil, ""
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, "/", cfg.root())
	for _, scope := range []string{scopeNode, scopeContainer, scopeProcess} {
		assert.True(t, cfg.samples(scope), scope)
	}
}

func TestConfigThatCanNotBeUsed(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want string
	}{
		{"no interval", func(c *Config) { c.CollectionInterval = 0 },
			"collection_interval: must be whole milliseconds and at least 100ms, got 0s"},
		{"too short an interval", func(c *Config) { c.CollectionInterval = 99 * time.Millisecond },
			"collection_interval: must be whole milliseconds and at least 100ms, got 99ms"},
		{"half a millisecond", func(c *Config) { c.CollectionInterval = time.Second + 500*time.Microsecond },
			"collection_interval: must be whole milliseconds and at least 100ms, got 1.0005s"},
		{"a relative root", func(c *Config) { c.RootPath = "host" },
			`root_path: must be an absolute path, got "host"`},
		{"another temporality", func(c *Config) { c.Temporality = "Delta" },
			`temporality: must be one of ["delta" "cumulative"], got "Delta"`},
		{"another scope", func(c *Config) { c.Scopes = []string{scopeNode, "pod"} },
			`scopes[1]: must be one of ["node" "container" "process"], got "pod"`},
		{"a negative number of processes", func(c *Config) { c.Processes.Top = -1 },
			"processes: top: must not be negative, got -1"},
		{"a filter that is no expression", func(c *Config) { c.Processes.Match = []string{"a", "("} },
			"processes: match[1]: must be a regular expression, got \"(\": error parsing regexp: missing closing ): `(`"},
		{"another command line", func(c *Config) { c.Processes.CommandLine = "on" },
			`processes: command_line: must be one of ["off" "redacted" "full"], got "on"`},
		{"a negative number of devices", func(c *Config) { c.Devices.Max = -1 },
			"devices: max: must not be negative, got -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			tt.edit(cfg)
			err := confmap.Validate(cfg)
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.want)
		})
	}
}
