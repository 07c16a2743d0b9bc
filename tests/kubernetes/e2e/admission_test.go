// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAdmission has the API server check the plain manifests, and Pod Security Admission say what they need.
func TestAdmission(t *testing.T) {
	skipWithoutNode(t)
	n := &node{t: t}
	const agent = `non-default capabilities (container "agent" must not include "BPF", "DAC_READ_SEARCH", "PERFMON", "SYS_PTRACE" in ` +
		`securityContext.capabilities.add), hostPath volumes (volumes "host", "queue")`
	n.kubectl("create", "namespace", namespace)
	t.Cleanup(func() { n.kubectl("delete", "namespace", namespace, "--wait") })
	for level, want := range map[string]string{
		"privileged": "",
		"baseline":   `Warning: would violate PodSecurity "baseline:latest": ` + agent,
	} {
		n.kubectl("label", "namespace", namespace, "--overwrite", "pod-security.kubernetes.io/warn="+level)
		for _, manifest := range []string{"direct", "gateway"} {
			t.Run(level+"/"+manifest, func(t *testing.T) {
				assert.Equal(t, want, strings.TrimSpace(dryRun(t, manifest)))
			})
		}
	}
	// What is restricted is the agent alone.
	n.kubectl("label", "namespace", namespace, "--overwrite", "pod-security.kubernetes.io/warn=restricted")
	t.Run("restricted/gateway", func(t *testing.T) {
		warning := dryRun(t, "gateway")
		assert.Equal(t, 1, strings.Count(warning, "Warning:"), warning)
		assert.Contains(t, warning, `container "agent"`)
		assert.NotContains(t, warning, `container "gateway"`)
	})
}

// dryRun has the API server check a file of deploy/kubernetes as strictly as it can, and returns its warnings.
func dryRun(t *testing.T, manifest string) string {
	t.Helper()
	file := filepath.Join("../../../deploy/kubernetes", manifest+".yaml")
	cmd := exec.Command("kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", file)
	var warnings strings.Builder
	cmd.Stderr = &warnings
	require.NoError(t, cmd.Run(), warnings.String())
	return warnings.String()
}
