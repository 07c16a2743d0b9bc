// SPDX-License-Identifier: Apache-2.0

package probe

import "testing"

func processActs() map[string]func(args []string) error { return nil }

func TestNothingIsCountedForAProcessThatDoesNothing(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		h.expect(t, map[Count]uint32{}, "nothing")
	})
}
