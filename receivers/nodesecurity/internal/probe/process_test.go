// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func processActs() map[string]func(args []string) error { return nil }

func TestNothingIsCountedForAProcessThatDoesNothing(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		h.expect(t, map[Count]uint32{}, "nothing")
	})
}

func TestEveryProgramRunsButOnAKernelWithoutModules(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		var missing uint64
		require.Len(t, h.probe.Status(), len(programs()))
		for i, status := range h.probe.Status() {
			assert.Equal(t, programs()[i].name, status.Program)
			if _, err := os.Stat("/proc/modules"); err != nil && status.Group == GroupModules {
				missing = 1 << GroupModules
				require.ErrorContains(t, status.Err, "load the BPF program on_module_load")
				continue
			}
			require.NoError(t, status.Err, status.Program)
		}
		assert.Equal(t, missing, h.probe.Missing())
	})
}
