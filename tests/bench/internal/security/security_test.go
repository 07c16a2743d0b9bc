// SPDX-License-Identifier: Apache-2.0

package security

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTinyProgramRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tiny")
	require.NoError(t, writeTiny(file))
	require.NoError(t, exec.Command(file).Run())
}

func TestActsAreDone(t *testing.T) {
	for _, arguments := range [][]string{
		{"getppid", "3", ""}, {"exec", "2", "/bin/true"}, {"open", "2", "/etc/passwd"}, {"connect", "2", ""},
	} {
		require.NoError(t, beActor(arguments), arguments)
	}
	require.Error(t, beActor([]string{"dance", "1", ""}))
}

func TestWhatIsAddedIsTheMedianDifference(t *testing.T) {
	all := costs{{{100, 110, 120}}, {{150, 175, 170}}}
	median, least := all.added(1, 0)
	require.InDelta(t, 50, median, 0)
	require.InDelta(t, 50, least, 0)
	require.Equal(t, []string{"0.5", "at most 0.5: pass"}, compared(50, 100, tracerTarget, true))
	require.Equal(t, []string{"", ""}, compared(50, 0, tracerTarget, true), "the peer is missing")
}
