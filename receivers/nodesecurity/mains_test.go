// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
)

func TestMainsAreFoundInBothWays(t *testing.T) {
	hierarchy, err := cgroup.Detect("/")
	if err != nil {
		t.Skip(err)
	}
	data, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	own, ok := hierarchy.PathOf(data)
	require.True(t, ok)

	m := newMains("/", hierarchy)
	require.False(t, m.blind, "in the PID namespace of /proc")
	for _, blind := range []bool{false, true} {
		m.blind = blind
		m.begin()
		pid := m.of(string(own))
		assert.Positive(t, pid, "this process is in the cgroup")
		assert.LessOrEqual(t, pid, os.Getpid())
		assert.Zero(t, m.of("/none/such"))
	}
	nowhere := newMains(t.TempDir(), nil)
	assert.True(t, nowhere.blind)
	assert.Zero(t, nowhere.of("/"))
}
