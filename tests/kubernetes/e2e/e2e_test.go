// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// samples are those of containers in pods of the test's workloads.
const samples = "nodesec.container_samples WHERE namespace = '" + work + "'"

func TestDirect(t *testing.T) {
	n := newNode(t)
	n.install()
	n.kubectl("apply", "-f", "testdata/workloads.yaml")
	n.startStaticPod()
	n.kubectl("wait", "-n", work, "--for=condition=Available", "deployment/web", "--timeout=60s")
	n.kubectl("wait", "-n", work, "--for=condition=Complete", "job/once", "--timeout=60s")
	for _, part := range []struct {
		name string
		run  func(*node)
	}{
		{"identities", (*node).identities},
		{"from the first tick", (*node).fromTheFirstTick},
		{"a row per tick", (*node).rowPerTick},
		{"resources", (*node).resources},
		{"limits", (*node).limits},
		{"kubelet", (*node).kubelet},
		{"posture", (*node).posture},
		{"exec", (*node).exec},
		{"ephemeral container", (*node).ephemeral},
		{"short pods", (*node).shortPods},
		{"deleted pods", (*node).deletedPods},
		{"restart", (*node).restart},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(n.as(t)) })
	}
	if t.Failed() {
		n.explain() // while it can be asked
	}
	t.Run("uninstall", func(t *testing.T) { n.as(t).uninstall() })
}

// startStaticPod gives the kubelet a pod that the API server does not know before it runs.
func (n *node) startStaticPod() {
	text, err := os.ReadFile("testdata/static.yaml")
	require.NoError(n.t, err)
	folder := filepath.Dir(filepath.Dir(os.Getenv("KUBECONFIG")))
	require.NoError(n.t, os.WriteFile(filepath.Join(folder, "manifests", "static.yaml"), text, 0o600))
}

// identities: each container's rows name its pod, workload and image.
func (n *node) identities() {
	for _, want := range []struct{ namespace, pod, container, kind, workload string }{
		{work, "web-", "prepare", "Deployment", "web"},
		{work, "web-", "proxy", "Deployment", "web"},
		{work, "web-", "web", "Deployment", "web"},
		{work, "web-", "logger", "Deployment", "web"},
		{work, "db-0", "db", "StatefulSet", "db"},
		{work, "once-", "task", "Job", "once"},
		{work, "crash", "crash", "", ""},
		{work, "hostnet", "hostnet", "", ""},
		{work, "privileged", "privileged", "", ""},
		{"default", "static-node1", "static", "", ""},
		{namespace, "nodesec-agent-", "agent", "DaemonSet", "nodesec-agent"},
	} {
		n.eventually(20*time.Second, fmt.Sprintf(`SELECT count() AS n FROM nodesec.container_samples
			WHERE namespace = '%s' AND startsWith(pod, '%s') AND container = '%s' AND workload_kind = '%s' AND workload = '%s'
			AND cluster = 'test' AND node = 'node1' AND image != '' AND length(container_id) = 64 AND length(pod_uid) >= 32`,
			want.namespace, want.pod, want.container, want.kind, want.workload))
	}
	n.eventually(10*time.Second, `SELECT count() AS n FROM `+samples+` AND container = 'web'
		AND image = 'registry.local/app' AND image_tag = '1' AND attributes['app'] = 'shop' AND attributes['team'] = 'blue'`)
	assert.Equal(n.t, 2.0, n.number(`SELECT uniqExact(pod) AS n FROM `+samples+` AND container = 'web'`), "pods of the Deployment")
	// The uids are those of the API, not the kubelet's.
	uid := n.kubectl("get", "pod", "db-0", "-n", work, "-o", "jsonpath={.metadata.uid}")
	assert.Equal(n.t, uid, rows[struct{ U string }](n, `SELECT any(pod_uid) AS u FROM `+samples+` AND pod = 'db-0'`)[0].U)
	n.eventually(20*time.Second, `SELECT count() > 1 AS n FROM (SELECT DISTINCT container_id FROM `+samples+` AND container = 'crash')`)
}

// fromTheFirstTick: no row of a container in a pod is without names and workload, however young the container is, and each
// pod has one sandbox, told apart.
func (n *node) fromTheFirstTick() {
	type unnamed struct {
		Cgroup, Pod, Container, Namespace, Workload, Kind string
		Rows                                              float64
	}
	const kind = `attributes['nodesec.container.kind']`
	assert.Empty(n.t, rows[unnamed](n, `SELECT cgroup AS Cgroup, pod AS Pod, container AS Container, namespace AS Namespace,
		workload AS Workload, `+kind+` AS Kind, toFloat64(count()) AS Rows FROM nodesec.container_samples
		WHERE pod_uid != '' AND (pod = '' OR namespace = '' OR `+kind+` = '' OR (container = '') != (`+kind+` = 'sandbox')
			OR (workload = '' AND pod NOT IN ('crash', 'oom', 'oomkilled', 'throttled', 'hostnet', 'privileged', 'static-node1')))
		GROUP BY ALL`))
	assert.Zero(n.t, n.number(`SELECT countIf(sandboxes != 1) AS n FROM (SELECT uniqExactIf(container_id, `+kind+` = 'sandbox') AS sandboxes
		FROM `+samples+` GROUP BY pod_uid)`))
}

// rowPerTick: a container that is there all the time has one row in each tick, and no more.
func (n *node) rowPerTick() {
	const web = samples + ` AND container = 'web'`
	n.eventually(30*time.Second, `SELECT min(k) > 15 AS n FROM (SELECT count() AS k FROM `+web+` GROUP BY container_id)`)
	assert.Zero(n.t, n.number(`SELECT countIf(ticks != rows OR rows != span) AS n FROM (
		SELECT container_id, uniqExact(ts) AS ticks, count() AS rows, dateDiff('second', min(ts), max(ts)) + 1 AS span
		FROM `+web+` GROUP BY container_id)`))
	assert.Zero(n.t, n.number(`SELECT count() - uniqExact(entity, ts) AS n FROM nodesec.container_samples`), "doubled rows")
}

// resources: what the kernel did to containers that want too much.
func (n *node) resources() {
	n.eventually(60*time.Second, `SELECT count() AS n FROM `+samples+` AND container = 'oom' AND memory_events_oom_kill > 0`)
	n.eventually(60*time.Second, `SELECT count() AS n FROM `+samples+` AND container = 'oomkilled' AND task_exit_oom > 0`)
	assert.Equal(n.t, "OOMKilled", n.kubectl("get", "pod", "oomkilled", "-n", work, "-o",
		"jsonpath={.status.containerStatuses[0].lastState.terminated.reason}{.status.containerStatuses[0].state.terminated.reason}")[:9])
	assert.Zero(n.t, n.number(`SELECT countIf(task_exit_oom > 0) AS n FROM `+samples+` AND container NOT IN ('oom', 'oomkilled')`))
	n.eventually(30*time.Second, `SELECT count() AS n FROM `+samples+` AND container = 'throttled' AND cpu_throttled_periods > 0`)
	n.eventually(30*time.Second, `SELECT count() > 5 AS n FROM `+samples+` AND container = 'throttled'
		AND cpu_limit_utilization BETWEEN 0.8 AND 1.2`)
}

// limits: those of the pod's specification.
func (n *node) limits() {
	for container, want := range map[string]struct{ cpu, memory float64 }{
		"web": {0.2, 64 << 20}, "db": {0, 128 << 20}, "throttled": {0.1, 0}, "oom": {0, 48 << 20},
	} {
		got := rows[struct{ CPU, Memory float64 }](n, `SELECT ifNotFinite(any(cpu_limit), 0) AS CPU, ifNotFinite(any(memory_limit), 0) AS Memory
			FROM `+samples+` AND container = '`+container+`'`)[0]
		assert.InDelta(n.t, want.cpu, got.CPU, 0.001, container)
		assert.InDelta(n.t, want.memory, got.Memory, 4096, container)
	}
	n.eventually(5*time.Second, `SELECT count() AS n FROM `+samples+` AND container = 'db' AND memory_limit_ratio BETWEEN 0.3 AND 0.6`)
}

// summary is part of what the kubelet says of its containers at /stats/summary.
type summary struct {
	Pods []struct {
		PodRef     struct{ Name, Namespace string }
		Containers []struct {
			Name   string
			CPU    struct{ UsageCoreNanoSeconds float64 }
			Memory struct{ WorkingSetBytes, RSSBytes float64 }
		}
	}
}

// kubelet: our numbers are its, of containers that do the same all the time.
func (n *node) kubelet() {
	for _, pod := range object[summary](n, "get", "--raw", "/api/v1/nodes/node1/proxy/stats/summary").Pods {
		for _, container := range pod.Containers {
			if pod.PodRef.Namespace != work || container.Name != "db" {
				continue
			}
			ours := rows[struct{ Working, Anonymous float64 }](n, `SELECT argMax(container_memory_working_set, ts) AS Working,
				argMax(container_memory_rss, ts) AS Anonymous FROM `+samples+` AND container = 'db'`)[0]
			assert.InEpsilon(n.t, container.Memory.WorkingSetBytes, ours.Working, 0.1)
			assert.InEpsilon(n.t, container.Memory.RSSBytes, ours.Anonymous, 0.1)
			return
		}
	}
	assert.Fail(n.t, "the kubelet does not know the container db")
}

// posture: what isolates containers less, and the rule about it.
func (n *node) posture() {
	for pod, feature := range map[string]string{
		"privileged": "posture_privileged", "hostnet": "posture_host_network",
	} {
		n.eventually(30*time.Second, fmt.Sprintf(`SELECT count() AS n FROM %s AND pod = '%s' AND %s = 1`, samples, pod, feature))
		assert.Zero(n.t, n.number(fmt.Sprintf(`SELECT countIf(%s = 1) AS n FROM %s AND startsWith(pod, 'web-')`, feature, samples)))
	}
	n.eventually(30*time.Second, `SELECT count() AS n FROM `+samples+` AND pod = 'privileged' AND posture_sensitive_host_path = 1`)
	n.eventually(30*time.Second, `SELECT count() AS n FROM `+samples+` AND pod = 'privileged' AND has(rules, 'privileged_container')`)
	type tagged struct{ Pod, Container string }
	assert.Equal(n.t, []tagged{{"privileged", "privileged"}}, rows[tagged](n,
		`SELECT DISTINCT pod AS Pod, container AS Container FROM `+samples+` AND has(rules, 'privileged_container')`))
}

// exec: a shell that somebody opened with a terminal through the API is told as such.
func (n *node) exec() {
	const shell = "kubectl exec -it -n " + work + " db-0 -- /bin/sh"
	out, err := exec.Command("script", "-qec", shell, "/dev/null").CombinedOutput()
	require.NoError(n.t, err, string(out))
	const db = samples + ` AND pod = 'db-0' AND `
	n.eventually(20*time.Second, `SELECT count() AS n FROM `+db+`exec_shell_entered = 1 AND exec_shell_terminal = 1`)
	n.eventually(20*time.Second, `SELECT count() AS n FROM `+db+`has(rules, 'interactive_exec_into_container')`)
	n.eventually(20*time.Second, `SELECT count() AS n FROM nodesec.detections WHERE toString(tuple(*)) LIKE '%interactive_exec_into_container%'`)
	assert.Zero(n.t, n.number(`SELECT count() AS n FROM `+samples+` AND pod != 'db-0' AND exec_shell_entered > 0`))
}

// ephemeral: a container that is added to a running pod.
func (n *node) ephemeral() {
	n.kubectl("debug", "-n", work, "db-0", "--image=registry.local/app:1", "--image-pull-policy=Never", "--container=debugger", "--profile=general",
		"--", "/app", "wait")
	n.eventually(30*time.Second, `SELECT count() > 2 AS n FROM `+samples+` AND pod = 'db-0' AND container = 'debugger'
		AND workload_kind = 'StatefulSet'`)
}

// shortPods: pods that live for less than a tick have a row with all names.
func (n *node) shortPods() {
	n.eventually(100*time.Second, `SELECT uniqExact(pod) >= 3 AS n FROM `+samples+` AND container = 'short'
		AND workload_kind = 'CronJob' AND workload = 'minutely'`)
	done := strings.Fields(n.kubectl("get", "pods", "-n", work, "--field-selector", "status.phase=Succeeded", "-o",
		`jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}`))
	time.Sleep(5 * time.Second)
	seen := map[string]bool{}
	for _, row := range rows[struct{ Pod string }](n, `SELECT DISTINCT pod AS Pod FROM `+samples) {
		seen[row.Pod] = true
	}
	for _, pod := range done {
		assert.True(n.t, seen[pod], "no row of %s, which ran to its end", pod)
	}
}

// deletedPods: they have no rows two ticks after their processes ended.
func (n *node) deletedPods() {
	n.kubectl("delete", "pod", "hostnet", "-n", work, "--wait")
	deleted := time.Now()
	time.Sleep(6 * time.Second)
	assert.Zero(n.t, n.number(fmt.Sprintf(`SELECT count() AS n FROM %s AND pod = 'hostnet' AND ts > fromUnixTimestamp64Milli(%d)`,
		samples, deleted.Add(2*time.Second).UnixMilli())))
}

// restart: an agent that is replaced misses the ticks while it was not there, and doubles none.
func (n *node) restart() {
	selector := []string{"-n", namespace, "-l", "app.kubernetes.io/component=agent"}
	before := time.Now()
	n.kubectl(append([]string{"delete", "pod", "--wait"}, selector...)...)
	n.kubectl("rollout", "status", "-n", namespace, "daemonset/nodesec-agent", "--timeout=60s")
	up := time.Now()
	time.Sleep(10 * time.Second)
	span := fmt.Sprintf(`ts BETWEEN fromUnixTimestamp64Milli(%d) AND fromUnixTimestamp64Milli(%d)`,
		before.Add(-10*time.Second).UnixMilli(), up.Add(5*time.Second).UnixMilli())
	got := n.number(`SELECT uniqExact(ts) AS n FROM ` + samples + ` AND pod = 'db-0' AND container = 'db' AND ` + span)
	down := up.Sub(before).Seconds()
	n.t.Logf("the agent was away for %.1f s; %v of %.0f ticks are there", down, got, down+15)
	assert.GreaterOrEqual(n.t, got, 15.0-1, "ticks before and after")
	assert.Zero(n.t, n.number(`SELECT count() - uniqExact(entity, ts) AS n FROM nodesec.container_samples WHERE `+span), "doubled rows")
}

// uninstall: nothing of the chart is left.
func (n *node) uninstall() {
	n.run(helm(n.t), "uninstall", release, "-n", namespace, "--wait")
	n.kubectl("wait", "--for=delete", "pods", "--all", "-n", namespace, "--timeout=60s")
	left := n.kubectl("get", "all,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets", "-n", namespace,
		"-l", "app.kubernetes.io/instance="+release, "-o", "name")
	left += n.kubectl("get", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/instance="+release, "-o", "name")
	assert.Empty(n.t, strings.TrimSpace(left))
	n.kubectl("delete", "namespace", work, namespace, "--wait", "--timeout=90s")
}
