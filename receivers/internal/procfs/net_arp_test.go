// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestARPEntries(t *testing.T) {
	assert.Equal(t, 1, ARPEntries(fixture(t, new6, "1/net/arp")))
	assert.Equal(t, 2, ARPEntries(fixture(t, old3, "1/net/arp")))
	assert.Equal(t, 2, ARPEntries([]byte("192.0.2.1 ...\n192.0.2.2 ...\n")), "a later piece of the file has no heading")
	assert.Zero(t, ARPEntries(nil))
}

func FuzzARPEntries(f *testing.F) {
	f.Add(fixture(f, new6, "1/net/arp"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		assert.LessOrEqual(t, ARPEntries(lines), len(lines))
	})
}
