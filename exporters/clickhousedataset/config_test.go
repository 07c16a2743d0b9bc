// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

func loadConfig(t *testing.T, settings map[string]any) *Config {
	cfg := NewDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(settings).Unmarshal(cfg))
	return cfg
}

func TestDefaultsAreValid(t *testing.T) {
	cfg := NewDefaultConfig()
	require.NoError(t, cfg.Validate())
	assert.False(t, cfg.TLS.HasValue(), "no TLS unless asked for")
	assert.True(t, cfg.Queue.HasValue())
	assert.False(t, cfg.Queue.Get().Batch.HasValue(), "the queue puts nothing together")
}

func TestLoadAll(t *testing.T) {
	cfg := loadConfig(t, map[string]any{
		"endpoints": []any{"a:9440", "b:9440"}, "username": "u", "password": "secret", "compression": "zstd",
		"tls": map[string]any{
			"ca_file": "ca.pem", "cert_file": "c.pem", "key_file": "k.pem", "insecure_skip_verify": true,
		},
		"dial_timeout": "1s", "timeout": "2s", "database": "d", "tables": map[string]any{"node": "n"},
		"create_schema": false, "cluster": "c", "ttl": "720h", "max_features": 5, "deduplication_window": 7,
		"sending_queue":    map[string]any{"queue_size": 9, "storage": "file_storage"},
		"retry_on_failure": map[string]any{"max_elapsed_time": "0s"},
	})
	require.NoError(t, cfg.Validate())
	assert.Equal(t, []string{"a:9440", "b:9440"}, cfg.Endpoints)
	assert.Equal(t, "ca.pem", cfg.TLS.Get().CAFile)
	assert.True(t, cfg.TLS.Get().InsecureSkipVerify)
	assert.Equal(t, TablesConfig{
		Node: "n", Pod: "pod_samples", Container: "container_samples", Process: "process_samples", Other: "other_samples", Events: "events", Detections: "detections",
	}, cfg.Tables)
	assert.Equal(t, 720*time.Hour, cfg.TTL)
	assert.Equal(t, component.MustNewID("file_storage"), *cfg.Queue.Get().StorageID)
	assert.NotContains(t, cfg.Password.String(), "secret")
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings map[string]any
		want     string
	}{
		{"no endpoint", map[string]any{"endpoints": []any{}}, "endpoints: must have at least one host:port, got none"},
		{"no port", map[string]any{"endpoints": []any{"a"}}, `endpoints: must be host:port of the native protocol, got "a"`},
		{"a URL's password is not repeated", map[string]any{"endpoints": []any{"tcp://u:secret@a:1"}}, `got "...@a:1"`},
		{"no database", map[string]any{"database": ""}, "database: must not be empty"},
		{"no table", map[string]any{"tables": map[string]any{"pod": ""}}, "tables::pod: must not be empty"},
		{
			"a table twice", map[string]any{"tables": map[string]any{"pod": "node_samples"}},
			`tables::pod: must differ from the other tables, got "node_samples"`,
		},
		{"compression", map[string]any{"compression": "gzip"}, `compression: must be one of none, lz4, zstd, got "gzip"`},
		{"timeout", map[string]any{"timeout": "-1s"}, "timeout: must not be negative, got -1s"},
		{"dial_timeout", map[string]any{"dial_timeout": "-1s"}, "dial_timeout: must not be negative, got -1s"},
		{"ttl", map[string]any{"ttl": "-1h"}, "ttl: must not be negative, got -1h0m0s"},
		{"a short ttl", map[string]any{"ttl": "10ms"}, "ttl: must be at least 1s, or 0 to keep samples for ever, got 10ms"},
		{"max_features", map[string]any{"max_features": -1}, "max_features: must not be negative, got -1"},
		{"window", map[string]any{"deduplication_window": -1}, "deduplication_window: must not be negative, got -1"},
		{
			"batches of a persistent queue",
			map[string]any{"sending_queue": map[string]any{"storage": "file_storage", "batch": map[string]any{}}},
			"sending_queue::batch: must be off with a persistent queue (storage file_storage)",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := loadConfig(t, tt.settings).Validate()
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
