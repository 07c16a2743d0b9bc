// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

func checkThisHost(t *testing.T) (check.Report, map[string]check.Group) {
	t.Helper()
	report, err := Check(createDefaultConfig().(*Config))
	require.NoError(t, err)
	groups := map[string]check.Group{}
	for _, g := range report.Groups {
		groups[g.Name] = g
		assert.Equal(t, g.State == check.OK, len(g.Reasons) == 0, "%s: %s", g.Name, g.State)
	}
	return report, groups
}

// TestCheckThisHost holds for every user on every host.
func TestCheckThisHost(t *testing.T) {
	report, groups := checkThisHost(t)
	assert.NotEmpty(t, report.Host.Kernel)
	for group := range probe.Groups {
		g, there := groups[groupPrefix+group.String()]
		assert.True(t, there, group)
		assert.Equal(t, g.State == check.OK, g.Features == g.Of && len(g.Reasons) == 0, group)
		assert.NotEmpty(t, probe.Programs(group))
	}
	assert.Positive(t, groups["posture.node"].Features)
	assert.LessOrEqual(t, groups["posture.node"].Features, groups["posture.node"].Of)
	assert.LessOrEqual(t, groups["posture.container"].Features, groups["posture.container"].Of)
	assert.Len(t, report.Capabilities, 5)
	assert.Len(t, report.Mounts, 4)
}

func TestCheckBelowAnEmptyRoot(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.RootPath = t.TempDir()
	report, err := Check(cfg)
	require.NoError(t, err)
	for _, g := range report.Groups {
		if strings.HasPrefix(g.Name, groupPrefix) {
			assert.Equal(t, check.Missing, g.State, g.Name)
			assert.Contains(t, g.Reasons[0].Why, "no cgroups", g.Name)
		}
	}
	assert.Equal(t, check.Missing, report.Mounts[0].State)
}

// TestAsNobody runs the tests below again as a user who may do nothing.
func TestAsNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become nobody")
	}
	dir, err := os.MkdirTemp("", "nodesec-nobody-") // t.TempDir is below a directory that is root's
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	own, err := os.Executable()
	require.NoError(t, err)
	binary, err := os.ReadFile(own)
	require.NoError(t, err)
	program := filepath.Join(dir, "nodesecurity.test")
	require.NoError(t, os.WriteFile(program, binary, 0o755))
	cmd := exec.Command(program, "-test.run", "^TestNobody", "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), nobodyVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "--- PASS: TestNobodyIsTold")
	assert.Contains(t, string(out), "--- PASS: TestNobodyCollectsPosture")
}

const nobodyVariable = "NODESEC_TEST_NOBODY"

func needNobody(t *testing.T) {
	if os.Getenv(nobodyVariable) == "" {
		t.Skip("is run by TestAsNobody")
	}
}

func TestNobodyIsTold(t *testing.T) {
	needNobody(t)
	report, groups := checkThisHost(t)
	assert.Equal(t, 65534, report.Host.User)
	assert.True(t, report.Anything())
	for group := range probe.Groups {
		g := groups[groupPrefix+group.String()]
		assert.Equal(t, check.Missing, g.State, g.Name)
		require.Len(t, g.Reasons, 1, g.Name)
		assert.Equal(t, "may not load BPF programs: no CAP_BPF, no CAP_PERFMON", g.Reasons[0].Why)
		assert.Contains(t, g.Reasons[0].Help, "run as root")
	}
	assert.NotEqual(t, check.Missing, groups["posture.node"].State)
	for _, c := range report.Capabilities {
		assert.False(t, c.Effective, c.Name)
	}
}

func TestNobodyCollectsPosture(t *testing.T) {
	needNobody(t)
	core, logs := observer.New(zap.InfoLevel)
	settings := receivertest.NewNopSettings(metadata.Type)
	settings.Logger = zap.New(core)
	cfg := createDefaultConfig().(*Config)
	cfg.CollectionInterval = 100 * time.Millisecond
	sink := &consumertest.MetricsSink{}
	r, err := NewFactory().CreateMetrics(context.Background(), settings, cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(context.Background(), componenttest.NewNopHost()))
	assert.Eventually(t, func() bool { return sink.DataPointCount() > 100 }, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, r.Shutdown(context.Background()))

	lines := logs.FilterMessage("Nothing is counted in the kernel").All()
	require.Len(t, lines, 1, "said once")
	assert.Equal(t, "may not load BPF programs: no CAP_BPF, no CAP_PERFMON", lines[0].ContextMap()["why"])
	assert.Equal(t, helpPrivilege, lines[0].ContextMap()["help"])
}
