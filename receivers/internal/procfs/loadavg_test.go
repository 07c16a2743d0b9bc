// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLoadavg(t *testing.T) {
	assert.Equal(t, Loadavg{Load1: 0.52, Load5: 0.74, Load15: 0.94}, parseFixture[Loadavg](t, new6, "loadavg"))
	assert.Equal(t, Loadavg{Load1: 0.02, Load5: 0.04, Load15: 0.05}, parseFixture[Loadavg](t, old3, "loadavg"))
	for _, data := range []string{"", "0.1 0.2\n", "0.1 0.2 high\n", "0.1 -0.2 0.3\n"} {
		requireMalformed[Loadavg](t, data)
	}
}

func FuzzLoadavg(f *testing.F) { fuzz[Loadavg](f, "loadavg") }
