// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func processActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"exec": func(args []string) error { return syscall.Exec(args[0], args[1:], []string{actVariable + "="}) },
		"exit": func([]string) error { os.Exit(3); return nil },
	}
}

func TestNothingIsCountedForAProcessThatDoesNothing(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		h.expect(t, map[Count]uint32{}, "nothing")
	})
}

// executable copies a program that does nothing and ends to a file of this name.
func executable(t *testing.T, name string) (path string) {
	data, err := os.ReadFile("/bin/true")
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, data, 0o755))
	return path
}

func TestAnExecutedShellIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		h.expect(t, map[Count]uint32{
			CountExec: 1, CountExecRoot: 1, CountExecFirstSeen: 1, CountExecClass + Count(0): 1, CountExecDropped: 1,
		}, "exec", executable(t, "bash"), "bash")
	})
}
