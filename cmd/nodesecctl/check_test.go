// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/check"
)

func runCheck(arguments ...string) (string, error) {
	var out bytes.Buffer
	cmd := newCheckCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(arguments)
	err := cmd.Execute()
	return out.String(), err
}

func TestCheckPrintsWhatCanBeCollected(t *testing.T) {
	text, err := runCheck("--output", "json")
	require.NoError(t, err)
	var report check.Report
	decoder := json.NewDecoder(bytes.NewBufferString(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&report))
	names := []string{}
	for _, g := range report.Groups {
		names = append(names, g.Name)
		assert.Contains(t, []check.State{check.OK, check.Degraded, check.Missing}, g.State)
	}
	assert.Equal(t, []string{
		"resource.node", "resource.container", "resource.process",
		"security.syscalls", "security.execution", "security.processes", "security.signals", "security.privileges",
		"security.files", "security.calls", "security.connections", "security.datagrams", "security.traffic",
		"security.retransmits", "security.sockets", "security.cgroups", "security.modules", "security.events",
		"posture.node", "posture.container",
	}, names)
	assert.NotContains(t, text, "null")

	text, err = runCheck()
	require.NoError(t, err)
	assert.Contains(t, text, "resource.node")
	assert.Contains(t, text, "CAP_PERFMON")
}

func TestCheckFailsWhereNothingCanBeCollected(t *testing.T) {
	text, err := runCheck("--root-path", t.TempDir())
	require.EqualError(t, err, "nothing can be collected on this host")
	assert.Contains(t, text, "there are no cgroups to count by")
}

func TestCheckWantsRightFlags(t *testing.T) {
	_, err := runCheck("--output", "xml")
	require.ErrorContains(t, err, "--output: must be text or json")
	_, err = runCheck("--root-path", "host")
	require.ErrorContains(t, err, "--root-path: must be an absolute path")
}
