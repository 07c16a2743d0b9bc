// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// written are the features of one container, by feature name, and their metrics.
func written(t *testing.T, e *emitter, of *entity) (map[string]float64, pmetric.Metrics) {
	t.Helper()
	e.begin(time.Unix(100, 0))
	w := e.sample(of.resource, time.Unix(99, 0), &of.totals)
	w.activity(&of.activity, of.container == nil)
	of.write(&w, quality{tick: tick.Tick{Time: time.Unix(100, 0), Interval: time.Second}, missing: int64(e.missing)}, 5*time.Second)
	values := map[string]float64{}
	require.Equal(t, 1, e.samples.ResourceMetrics().Len())
	for name, p := range featuresOf(t, e.samples.ResourceMetrics().At(0)) {
		assert.NotContains(t, values, name, "two points with one name")
		assert.Equal(t, time.Unix(100, 0).UTC(), p.Timestamp().AsTime())
		assert.Equal(t, time.Unix(99, 0).UTC(), p.StartTimestamp().AsTime())
		values[name] = p.DoubleValue()
		if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
			values[name] = float64(p.IntValue())
		}
	}
	return values, e.samples
}

func testEntity() *entity {
	n := &names{attributes: metadata.DefaultResourceAttributesConfig(), host: "node-1"}
	c := &cgroup.Container{Identity: cgroup.Identity{Path: docker("1"), ContainerID: id("1"), Runtime: "docker"}}
	e := &entity{container: c, resource: n.container(c)}
	numbers := callNumbers()
	e.activity.counters.Syscalls[numbers["openat"]] = 7
	e.activity.counters.Syscalls[numbers["setns"]] = 2
	e.activity.counters.Syscalls[numbers["finit_module"]] = 1
	e.activity.counters.Counts[probe.CountExecShellWebServer] = 4
	e.activity.counters.Counts[probe.CountOpen] = 7
	e.activity.counters.Counts[probe.CountStdioSocket] = 1
	e.activity.counters.SentBytes = 1 << 40
	e.activity.distinct[probe.DistinctPorts] = [16]uint64{7}
	return e
}

func TestASampleHasAllFeaturesOfAContainer(t *testing.T) {
	e := newEmitter(createDefaultConfig().(*Config), testCatalogue(t), "1", 0)
	values, metrics := written(t, e, testEntity())
	for name, want := range map[string]float64{
		"syscall_count": 10, "syscall_file": 7, "syscall_namespace": 2, "syscall_privilege": 1, "syscall_memory": 0,
		"call_setns": 2, "call_init_module": 1, "call_mount": 0, "exec_shell_web_server": 4, "file_open": 7, "exec_shell": 0,
		"network_stdio_socket": 1, "socket_io_transmit": 1 << 40, "distinct_ports": 3, "distinct_syscalls": 3,
		"quality_first": 1, "quality_missing": 0, "quality_attribution": 0,
	} {
		got, ok := values[name]
		assert.True(t, ok, name)
		assert.Equal(t, want, got, name)
	}
	assert.GreaterOrEqual(t, len(values), 120)
	assert.NotContains(t, values, "kernel_module_loaded", "a feature of the node")
	assert.NotContains(t, values, "file_read_etc")
	assert.NotContains(t, values, "file_remove_binary")
	metric := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	assert.Equal(t, pmetric.AggregationTemporalityDelta, metric.Sum().AggregationTemporality())
	assert.NotEmpty(t, metric.Description())
	assert.NotEmpty(t, metric.Unit())
}

func TestWhatNothingCountsIsAbsent(t *testing.T) {
	for _, tt := range []struct {
		group   probe.Group
		absent  []string
		present []string
	}{
		{probe.GroupExecution, []string{"exec_count", "exec_shell", "distinct_executables"}, []string{"file_open", "task_exit"}},
		{probe.GroupFiles, []string{"file_open", "file_write_etc", "privilege_chmod_setuid"}, []string{"privilege_root_gained"}},
		{probe.GroupSyscalls, []string{"syscall_count", "call_setns", "call_mmap_wx", "syscall_entropy", "privilege_setuid"},
			[]string{"call_ptrace_attach", "exec_count"}},
		{probe.GroupRetransmits, []string{"network_retransmit", "network_reset_sent"}, []string{"network_connect"}},
		{probe.GroupSignals, []string{"privilege_kill_across"}, []string{"privilege_capset"}},
	} {
		t.Run(tt.group.String(), func(t *testing.T) {
			e := newEmitter(createDefaultConfig().(*Config), testCatalogue(t), "1", 1<<tt.group)
			values, _ := written(t, e, testEntity())
			for _, name := range tt.absent {
				assert.NotContains(t, values, name)
			}
			for _, name := range tt.present {
				assert.Contains(t, values, name)
			}
		})
	}
}

func TestWithoutAnyProgramNothingIsSaidOfActivity(t *testing.T) {
	e := newEmitter(createDefaultConfig().(*Config), testCatalogue(t), "1", 1<<probe.Groups-1)
	values, _ := written(t, e, testEntity())
	for name := range values {
		assert.Contains(t, name, "quality_")
	}
}

func TestCumulativeSumsGoOn(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Temporality = temporalityCumulative
	e := newEmitter(cfg, testCatalogue(t), "1", 0)
	of := testEntity()
	written(t, e, of)
	values, metrics := written(t, e, of)
	assert.Equal(t, 8.0, values["exec_shell_web_server"])
	assert.Equal(t, 3.0, values["distinct_ports"], "a gauge")
	metric := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
	assert.Equal(t, pmetric.AggregationTemporalityCumulative, metric.Sum().AggregationTemporality())
}

func TestMetricsCanBeSwitchedOnAndOff(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Metrics = map[string]MetricConfig{"nodesec.exec": {Enabled: false}, "nodesec.syscall.calls": {Enabled: true}}
	e := newEmitter(cfg, testCatalogue(t), "1", 0)
	values, _ := written(t, e, testEntity())
	assert.NotContains(t, values, "exec_shell")
	assert.Contains(t, values, "exec_count")
	assert.Equal(t, 7.0, values["syscall_calls_openat"])
}
