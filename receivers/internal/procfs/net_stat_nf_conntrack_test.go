// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConntrack(t *testing.T) {
	assert.Equal(t, Conntrack{}, parseFixture[Conntrack](t, new6, "1/net/stat/nf_conntrack"))
	assert.Equal(t, Conntrack{Entries: 0x1a4f}, parse[Conntrack](t, []byte(
		"entries  searched\n00001a4f  00000000\n00001a4f  00000000\n")))
	for _, data := range []string{
		"", "entries\n", "entries\n-1\n", "entries\n00001A4F\n", "entries\n00000000000000001\n",
	} {
		requireMalformed[Conntrack](t, data)
	}
}

func FuzzConntrack(f *testing.F) { fuzz[Conntrack](f, "1/net/stat/nf_conntrack") }
