// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/processors/rules/internal/metadata"
)

// BenchmarkDefaultPack evaluates the default pack over the samples of 110 containers, with all features: reading pdata,
// state, self-metrics and tagging included.
func BenchmarkDefaultPack(b *testing.B) {
	const containers = 110
	p, err := newProcessor(NewDefaultConfig(), processortest.NewNopSettings(metadata.Type), consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, p.Start(b.Context(), nil))
	defer func() { require.NoError(b, p.Shutdown(b.Context())) }()
	md := pmetric.NewMetrics()
	for i := range containers {
		rm := md.ResourceMetrics().AppendEmpty()
		containerSample(b, rm)
		rm.Resource().Attributes().PutStr("container.id", fmt.Sprint("c", i))
	}
	points := md.DataPointCount() / containers
	rules := 0
	for _, r := range p.engine.Program().Rules {
		for _, scope := range r.Scopes {
			if scope == entity.Container {
				rules++
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for _, rm := range md.ResourceMetrics().All() {
			forward(rm)
		}
		b.StartTimer()
		require.NoError(b, p.ConsumeMetrics(b.Context(), md))
	}
	perContainer := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / containers
	b.ReportMetric(perContainer/float64(rules), "ns/rule")
	b.ReportMetric(perContainer/1000, "us/container")
	b.ReportMetric(float64(points), "points")
	b.ReportMetric(float64(rules), "rules")
	b.ReportMetric(100*perContainer*containers/1e9, "%core@1s")
}

// containerSample makes a sample of a container with all features that the tests of the receivers have.
func containerSample(b *testing.B, to pmetric.ResourceMetrics) {
	files, err := filepath.Glob("../../receivers/noderesource/testdata/*/*.yaml")
	require.NoError(b, err)
	names := map[string]bool{}
	var metrics pmetric.MetricSlice
	for _, file := range files {
		md, err := golden.ReadMetrics(file)
		require.NoError(b, err)
		for _, rm := range md.ResourceMetrics().All() {
			if id := entity.Of(rm.Resource().Attributes()); id.Scope != entity.Container {
				continue
			}
			if to.ScopeMetrics().Len() == 0 {
				rm.Resource().CopyTo(to.Resource())
				metrics = to.ScopeMetrics().AppendEmpty().Metrics()
			}
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				if !names[m.Name()] {
					names[m.Name()] = true
					m.CopyTo(metrics.AppendEmpty())
				}
			}
		}
	}
	require.NotEmpty(b, names)
	security(metrics)
}

// security adds the features of nodesecurity, with values of a quiet container.
func security(metrics pmetric.MetricSlice) {
	for metric, values := range map[string][]string{
		"nodesec.exec":            {"root", "shell", "shell_terminal", "shell_entered", "shell_server", "shell_web_server", "shell_database", "shell_interpreter", "shell_socket", "tmpfs", "memfd", "deleted", "written", "dropped", "no_arguments", "setuid", "first_seen", "interpreter", "network_tool", "download_tool", "remote_copy", "package_manager", "compiler", "reconnaissance", "credential_search", "container_client", "encoder", "user_management", "data_destruction", "miner", "namespace_tool", "count", "failed"},
		"nodesec.file.read":       {"credentials", "private_key", "cloud_credentials", "kubernetes_credentials", "service_account_token", "shell_rc", "history", "ssh", "environ", "maps"},
		"nodesec.file.write":      {"credentials", "private_key", "cloud_credentials", "binary", "etc", "persistence", "package_db", "log", "ssh", "root_home", "escape", "proc_sys", "shell_rc", "history"},
		"nodesec.file":            {"open", "open_failed", "create", "unlink", "rename", "link", "chmod", "chown", "truncate", "open_mem", "open_device", "open_traversal", "open_host_path", "create_hidden", "chmod_executable", "link_sensitive"},
		"nodesec.network.connect": {"external", "private", "loopback", "dns", "metadata", "api_server", "etcd", "kubelet", "ssh", "miner", "shell", "interpreter", "failed", "link_local", "multicast", "runtime_socket", "runtime_port"},
		"nodesec.syscall":         {"count", "errors", "denied", "file", "memory", "network", "process", "signal", "ipc", "time", "namespace", "privilege", "other", "compat"},
		"nodesec.call":            {"ptrace_attach", "ptrace_traceme", "mmap_wx", "mprotect_wx", "new_user_namespace", "bpf_prog_load", "process_vm_readv", "process_vm_writev", "memfd_create", "userfaultfd", "io_uring_setup", "setns", "unshare", "mount", "umount", "pivot_root", "chroot", "open_by_handle_at", "init_module", "delete_module", "keyctl", "perf_event_open"},
		"nodesec.task":            {"fork", "exit", "exit_nonzero", "exit_signal", "exit_segv", "exit_abrt", "exit_kill", "short_lived", "thread"},
		"nodesec.distinct":        {"executables", "directories", "addresses", "ports", "dns_lengths", "syscalls"},
	} {
		m := metrics.AppendEmpty()
		m.SetName(metric)
		points := m.SetEmptySum().DataPoints()
		for _, value := range values {
			p := points.AppendEmpty()
			p.Attributes().PutStr("kind", value)
			p.SetTimestamp(1)
			p.SetIntValue(0)
		}
	}
}

// forward moves a sample on by a tick of 10 seconds.
func forward(rm pmetric.ResourceMetrics) {
	for _, scope := range rm.ScopeMetrics().All() {
		for _, m := range scope.Metrics().All() {
			var points pmetric.NumberDataPointSlice
			if m.Type() == pmetric.MetricTypeSum {
				points = m.Sum().DataPoints()
			} else {
				points = m.Gauge().DataPoints()
			}
			for _, p := range points.All() {
				at := max(p.Timestamp(), 1_700_000_000e9) + pcommon.Timestamp(10e9)
				p.SetTimestamp(at)
				p.SetStartTimestamp(at - 10e9)
			}
		}
	}
}
