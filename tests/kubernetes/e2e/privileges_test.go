// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/nodesecurity"
)

// TestPrivileges takes each privilege of the agent away and sees what goes with it.
func TestPrivileges(t *testing.T) {
	n := newNode(t)
	n.install()
	n.kubectl("apply", "-f", "testdata/workloads.yaml")
	n.kubectl("rollout", "status", "-n", work, "statefulset/db", "--timeout=60s")
	all := n.featuresNow()
	counted := countedInKernel(t)
	require.Subset(t, all["container"], counted["container"], "the node has them all")
	io := []string{"io_bytes_read", "io_bytes_write", "io_operations_read", "io_operations_write", "process_disk_io_read", "process_disk_io_write"}
	for _, c := range []struct {
		without string
		lost    map[string][]string
		why     string
	}{
		{"BPF", counted, "no CAP_BPF"},
		{"PERFMON", counted, "no CAP_PERFMON"},
		{"SYS_PTRACE", map[string][]string{"process": io, "container": {
			"posture_host_cgroup", "posture_host_ipc", "posture_host_mount", "posture_host_network", "posture_host_pid", "posture_host_user",
			"posture_host_uts", "posture_shared_process_namespace",
		}}, "no CAP_SYS_PTRACE"},
		{"DAC_READ_SEARCH", map[string][]string{"process": io}, "no CAP_DAC_READ_SEARCH"},
	} {
		t.Run(c.without, func(t *testing.T) {
			n := n.as(t)
			n.setCapabilities(c.without)
			have := n.featuresNow()
			for scope, names := range all {
				lost := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(have[scope], name) })
				assert.ElementsMatch(t, c.lost[scope], lost, scope)
			}
			assert.Contains(t, n.kubectl("logs", "-n", namespace, "daemonset/nodesec-agent"), c.why)
		})
	}
	if t.Failed() {
		n.explain()
	}
	t.Run("uninstall", func(t *testing.T) { n.as(t).uninstall() })
}

// capabilities are those of the agent.
func capabilities() []string { return []string{"BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH"} }

// setCapabilities gives the agent all of its capabilities but one, and waits until an agent with them runs.
func (n *node) setCapabilities(without string) {
	n.t.Helper()
	left := slices.DeleteFunc(capabilities(), func(name string) bool { return name == without })
	n.kubectl("patch", "-n", namespace, "daemonset/nodesec-agent", "--type=json", "-p", fmt.Sprintf(
		`[{"op": "replace", "path": "/spec/template/spec/containers/0/securityContext/capabilities/add", "value": ["%s"]}]`,
		strings.Join(left, `", "`)))
	n.kubectl("rollout", "status", "-n", namespace, "daemonset/nodesec-agent", "--timeout=90s")
}

// countedInKernel are the features of nodes and containers that BPF programs count.
func countedInKernel(t *testing.T) map[string][]string {
	t.Helper()
	all, err := nodesecurity.Features()
	require.NoError(t, err)
	counted := map[string][]string{}
	for _, feature := range all {
		if feature.Group == "posture" || feature.Group == "quality" && feature.Name != "quality_lost" {
			continue
		}
		for _, scope := range feature.Scopes {
			counted[scope] = append(counted[scope], feature.Name)
		}
	}
	return counted
}

// featuresNow are the features that the samples of the next seconds have: of the node, and of a container and its process that
// belong to another user than the agent.
func (n *node) featuresNow() map[string][]string {
	n.t.Helper()
	from := time.Now()
	time.Sleep(12 * time.Second)
	have := map[string][]string{}
	for scope, where := range map[string]string{
		"node": "node = 'node1'", "container": "container = 'db'", "process": "container = 'db'",
	} {
		table := scope + "_samples"
		var pairs []string
		for _, column := range rows[struct{ Name string }](n, `SELECT name AS Name FROM system.columns
			WHERE database = 'nodesec' AND table = '`+table+`' AND type LIKE 'Float%' ORDER BY Name`) {
			pairs = append(pairs, fmt.Sprintf("('%s', countIf(isFinite(%s)) > 0)", column.Name, column.Name))
		}
		require.NotEmpty(n.t, pairs)
		for _, feature := range rows[struct{ Name string }](n, fmt.Sprintf(`SELECT arrayJoin(arrayFilter(pair -> pair.2, [%s])).1 AS Name
			FROM nodesec.%s WHERE %s AND ts > fromUnixTimestamp64Milli(%d)`, strings.Join(pairs, ", "), table, where,
			from.Add(3*time.Second).UnixMilli())) {
			have[scope] = append(have[scope], feature.Name)
		}
		assert.NotEmpty(n.t, have[scope], scope)
	}
	return have
}
