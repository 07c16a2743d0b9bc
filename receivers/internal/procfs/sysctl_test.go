// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSysctl(t *testing.T) {
	assert.Equal(t, Sysctl{Value: 256}, parseFixture[Sysctl](t, new6, "sys/kernel/random/entropy_avail"))
	assert.Equal(t, Sysctl{Value: 262144}, parseFixture[Sysctl](t, new6, "sys/net/netfilter/nf_conntrack_max"))
	requireMalformed[Sysctl](t, "")
	requireMalformed[Sysctl](t, "-1\n")
}

func FuzzSysctl(f *testing.F) { fuzz[Sysctl](f, "sys/kernel/random/entropy_avail") }
