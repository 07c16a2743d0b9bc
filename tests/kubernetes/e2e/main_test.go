// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the chart on a real Kubernetes node: `make e2e` builds the image, starts a node with it and runs these
// tests beside that node. What they claim they read with SQL, as users do.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
	"github.com/nodesec/nodesec/tests/kubernetes/cluster"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// The chart's release, and where the workloads are.
const (
	release   = "nodesec"
	namespace = "nodesec"
	work      = "work"
	password  = "it's a secret"
)

// node is the Kubernetes node beside which the tests run, with a ClickHouse that its pods reach.
type node struct {
	t      *testing.T
	server *embeddedtest.Server
	db     clickhouse.Client
}

// skipWithoutNode skips the test where there is no node: `make e2e` has one.
func skipWithoutNode(t *testing.T) {
	t.Helper()
	if os.Getenv("NODESEC_TEST_E2E") != "1" {
		t.Skip("needs a Kubernetes node: make e2e")
	}
}

// newNode starts ClickHouse.
func newNode(t *testing.T) *node {
	skipWithoutNode(t)
	server := embeddedtest.Start(t, embedded.Options{Listen: cluster.NodeIP, Password: password})
	info := server.Info()
	return &node{t: t, server: server, db: clickhouse.Client{URL: info.HTTPURL(), User: info.User, Password: password}}
}

// explain prints what is needed to understand a failure.
func (n *node) explain() {
	for _, args := range [][]string{
		{"get", "pods", "-A", "-o", "wide"},
		{"get", "events", "-A", "--field-selector", "type=Warning"},
		{"logs", "-n", namespace, "-l", "app.kubernetes.io/name=nodesec", "--tail", "60", "--prefix"},
	} {
		out, err := exec.Command("kubectl", args...).CombinedOutput()
		n.t.Logf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// run runs a program and returns its output.
func (n *node) run(program string, args ...string) string {
	n.t.Helper()
	out, err := n.try(program, args...)
	require.NoError(n.t, err)
	return out
}

func (n *node) try(program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	return string(out), err
}

func (n *node) kubectl(args ...string) string {
	n.t.Helper()
	return n.run("kubectl", args...)
}

// object reads an object of the API as JSON, or anything else that kubectl prints as such.
func object[T any](n *node, args ...string) (value T) {
	n.t.Helper()
	require.NoError(n.t, json.Unmarshal([]byte(n.kubectl(args...)), &value))
	return value
}

// install installs the chart and waits until all of it is ready and the tables are there, which agents or gateways make.
func (n *node) install(values ...string) {
	n.t.Helper()
	args := []string{"upgrade", "--install", release, "../../../deploy/helm/nodesec", "--namespace", namespace, "--create-namespace",
		"--values", "testdata/values.yaml", "--set", "clickhouse.endpoints={" + n.server.Info().NativeAddr() + "}",
		"--set", "clickhouse.username=" + n.server.Info().User, "--set", "clickhouse.password=" + password, "--wait", "--timeout", "2m"}
	if _, err := n.try(helm(n.t), append(args, values...)...); err != nil {
		n.explain()
		require.NoError(n.t, err)
	}
	n.eventually(90*time.Second, `SELECT count() AS n FROM system.tables WHERE database = 'nodesec' AND name = 'container_samples'`)
}

// helm is the program, as make builds it.
func helm(t *testing.T) string {
	path, err := filepath.Abs("../../../build/helm")
	require.NoError(t, err)
	return path
}

// rows reads the answer to a query.
func rows[T any](n *node, query string) []T {
	n.t.Helper()
	answer, err := clickhouse.Select[T](n.t.Context(), n.db, clickhouse.Query{Text: query})
	require.NoError(n.t, err, query)
	return answer
}

// number is the only value of the answer to a query that names it `n`.
func (n *node) number(query string) float64 {
	n.t.Helper()
	answer := rows[struct{ N float64 }](n, query)
	require.Len(n.t, answer, 1, query)
	return answer[0].N
}

// eventually waits until the query, which counts what is wrong or right, answers with more than zero.
func (n *node) eventually(limit time.Duration, query string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), limit)
	defer cancel()
	for n.number(query) == 0 {
		select {
		case <-ctx.Done():
			require.Fail(n.t, "not within "+limit.String(), query)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// as returns the node for a part of the test.
func (n *node) as(t *testing.T) *node { return &node{t: t, server: n.server, db: n.db} }
