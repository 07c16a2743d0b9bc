// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
)

// running is a receiver that runs on this host.
type running struct {
	metrics *consumertest.MetricsSink
	logs    *consumertest.LogsSink
}

func start(t *testing.T, cfg *Config) *running {
	t.Helper()
	r := &running{metrics: new(consumertest.MetricsSink), logs: new(consumertest.LogsSink)}
	factory, settings := NewFactory(), receivertest.NewNopSettings(metadata.Type)
	metrics, err := factory.CreateMetrics(t.Context(), settings, cfg, r.metrics)
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), settings, cfg, r.logs)
	require.NoError(t, err)
	assert.Same(t, metrics, logs, "the programs are loaded once")
	require.NoError(t, metrics.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		assert.NoError(t, metrics.Shutdown(t.Context()))
		assert.NoError(t, logs.Shutdown(t.Context()))
	})
	return r
}

// needsBPF skips the test without the privileges for BPF, or fails where it must run.
func needsBPF(t *testing.T, m pmetric.Metrics) {
	t.Helper()
	for name := range featuresOf(t, m.ResourceMetrics().At(0)) {
		if name == "exec_shell" {
			return
		}
	}
	if os.Getenv("NODESEC_TEST_BPF") == "1" {
		t.Fatal("executions are not counted")
	}
	t.Skip("needs root or CAP_BPF and CAP_PERFMON")
}

func TestTheReceiverCountsAndTellsFirstExecutions(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.CollectionInterval = 200 * time.Millisecond
	r := start(t, cfg)
	require.Eventually(t, func() bool { return len(r.metrics.AllMetrics()) >= 2 }, 10*time.Second, 20*time.Millisecond)
	needsBPF(t, r.metrics.AllMetrics()[1])

	program := filepath.Join(t.TempDir(), "never-seen")
	data, err := os.ReadFile("/bin/true")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, data, 0o755))
	require.NoError(t, exec.Command(program).Run())
	require.NoError(t, exec.Command(program).Run())

	found := func() (n int) {
		for _, logs := range r.logs.AllLogs() {
			for _, resource := range logs.ResourceLogs().All() {
				for _, record := range resource.ScopeLogs().At(0).LogRecords().All() {
					path, _ := record.Attributes().Get("process.executable.path")
					if path.Str() != program {
						continue
					}
					n++
					assert.Equal(t, "nodesec.exec.first_seen", record.EventName())
					name, _ := record.Attributes().Get("process.executable.name")
					assert.Equal(t, "never-seen", name.Str())
					_, known := resource.Resource().Attributes().Get("host.name")
					assert.True(t, known)
					assert.WithinDuration(t, time.Now(), record.Timestamp().AsTime(), time.Minute)
				}
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return found() > 0 }, 10*time.Second, 20*time.Millisecond)
	time.Sleep(3 * cfg.CollectionInterval)
	assert.Equal(t, 1, found(), "the second execution is not the first")
}

func TestWithoutBPFPostureIsSampled(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.CollectionInterval = 100 * time.Millisecond
	cfg.BPF.Enabled = false
	r := start(t, cfg)
	require.Eventually(t, func() bool {
		for _, metrics := range r.metrics.AllMetrics() {
			for _, resource := range metrics.ResourceMetrics().All() {
				for name := range featuresOf(t, resource) {
					assert.NotEqual(t, "exec_shell", name)
					if strings.HasPrefix(name, "posture_sysctl_") {
						return true
					}
				}
			}
		}
		return false
	}, 10*time.Second, 20*time.Millisecond)
}
