// SPDX-License-Identifier: Apache-2.0

// Package scale tests that an agent does not pay for the rest of its cluster.
package scale

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/nodesec/nodesec/tests/kubernetes/cluster"
)

// The cluster: 30,000 pods, and those of the agent's own node.
const (
	nodes       = 1000
	podsPerNode = 30
	ownNode     = "own"
	// most is how much more memory an agent may need in this cluster than in one with its own node alone.
	most = 10 << 20
)

// TestPodsOfOtherNodesCostNoMemory runs the agent of deploy/kubernetes against a real API server, first with the pods of its own node
// and then with 30,000 others.
func TestPodsOfOtherNodesCostNoMemory(t *testing.T) {
	api := cluster.StartAPI(t)
	create(t, api, ownNode)
	small := startAgent(t, api)
	idle := small.memory()
	names := make([]string, nodes)
	for i := range names {
		names[i] = fmt.Sprintf("node-%d", i)
	}
	create(t, api, names...)
	grown := small.memory()
	small.stop()
	fresh := startAgent(t, api).memory()
	t.Logf("resident: %.1f MB with %d pods of its own node, %.1f MB when there are %d more, %.1f MB when started then",
		megabytes(idle), podsPerNode, megabytes(grown), nodes*podsPerNode, megabytes(fresh))
	assert.Less(t, grown-idle, most)
	assert.Less(t, fresh-idle, most)
}

func megabytes(n int) float64 { return float64(n) / 1e6 }

// create makes nodes, each with its pods.
func create(t *testing.T, api *cluster.API, names ...string) {
	t.Helper()
	work := make(chan string)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for name := range work {
				post(t, api, "/api/v1/nodes", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "%s"}}`, name))
				for i := range podsPerNode {
					post(t, api, "/api/v1/namespaces/default/pods", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod",
						"metadata": {"name": "%s-web-%d", "labels": {"app.kubernetes.io/name": "web", "pod-template-hash": "5d8f7c"},
							"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8f7c", "uid": "1", "controller": true}]},
						"spec": {"nodeName": "%s", "containers": [{"name": "web", "image": "registry.example/team/web:1.2.3"}]}}`, name, i, name))
				}
			}
		})
	}
	for _, name := range names {
		work <- name
	}
	close(work)
	group.Wait()
}

func post(t *testing.T, api *cluster.API, path, object string) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL+path, strings.NewReader(object))
	if !assert.NoError(t, err) {
		return
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := api.Client.Do(request)
	if !assert.NoError(t, err) {
		return
	}
	text, err := io.ReadAll(answer.Body)
	assert.NoError(t, err)
	assert.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusCreated, answer.StatusCode, string(text))
}

// agent is a running collector.
type agent struct {
	t   *testing.T
	cmd *exec.Cmd
	log *bytes.Buffer
}

// startAgent runs the built collector as the chart's agent, but for what needs a node: without BPF and with this host as its own.
func startAgent(t *testing.T, api *cluster.API) *agent {
	t.Helper()
	folder := t.TempDir()
	config := filepath.Join(folder, "config.yaml")
	require.NoError(t, os.WriteFile(config, agentConfig(t), 0o600))
	binary, err := filepath.Abs("../../../bin/nodesec")
	require.NoError(t, err)
	require.FileExists(t, binary, "make build")
	a := &agent{t: t, log: &bytes.Buffer{}}
	a.cmd = exec.Command(binary, "--config", config, "--config", "testdata/override.yaml")
	a.cmd.Env = append(os.Environ(), "KUBECONFIG="+api.Kubeconfig, "NODE_NAME="+ownNode, "POD_IP=127.0.0.1", "CLICKHOUSE_PASSWORD=none",
		"FOLDER="+folder, "GOMEMLIMIT=512MiB")
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, a.cmd.Start())
	t.Cleanup(a.stop)
	return a
}

func (a *agent) stop() {
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	_ = a.cmd.Wait()
	if a.t.Failed() {
		a.t.Log(a.log.String())
	}
}

// agentConfig is the agent's configuration out of the plain manifests.
func agentConfig(t *testing.T) []byte {
	t.Helper()
	file, err := os.Open("../../../deploy/kubernetes/direct.yaml")
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	for decoder := yaml.NewDecoder(file); ; {
		var object struct {
			Kind string
			Data map[string]string
		}
		require.NoError(t, decoder.Decode(&object), "no ConfigMap with config.yaml")
		if text := object.Data["config.yaml"]; object.Kind == "ConfigMap" && text != "" {
			return []byte(text)
		}
	}
}

// memory is the least resident memory in bytes within some seconds, after some more in which the agent can settle.
func (a *agent) memory() (least int) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 30*time.Second)
	defer cancel()
	settled := time.Now().Add(15 * time.Second)
	for {
		select {
		case <-ctx.Done():
			return least
		case <-time.After(500 * time.Millisecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
		require.NoError(a.t, err, a.log.String())
		found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
		require.NotNil(a.t, found, "the agent has ended: %s", a.log)
		kilobytes, err := strconv.Atoi(string(found[1]))
		require.NoError(a.t, err)
		if time.Now().After(settled) && (least == 0 || kilobytes<<10 < least) {
			least = kilobytes << 10
		}
	}
}
