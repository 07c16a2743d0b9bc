// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUptime(t *testing.T) {
	assert.Equal(t, Uptime{Seconds: 2271.61}, parseFixture[Uptime](t, new6, "uptime"))
	for _, data := range []string{"", "\n", "1.2.3 4\n", ". 1\n", "1e3 1\n"} {
		requireMalformed[Uptime](t, data)
	}
}

func FuzzUptime(f *testing.F) { fuzz[Uptime](f, "uptime") }
