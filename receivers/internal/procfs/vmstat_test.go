// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVmstat(t *testing.T) {
	assert.Equal(t, Vmstat{
		PswpIn: is(0), PswpOut: is(0), PgFault: is(43614632), PgMajFault: is(6148), PgScanDirect: is(0), OOMKill: is(0),
	}, parseFixture[Vmstat](t, new6, "vmstat"))
}

func TestVmstatOfAnOldKernelLacksSome(t *testing.T) {
	got := parse[Vmstat](t, []byte("pgfault 7\npgscan_direct_normal 5\npgscan_direct_throttle 3\n"))
	assert.Equal(t, Vmstat{PgFault: is(7)}, got)
}

func TestVmstatMalformed(t *testing.T) {
	for _, data := range []string{"pgfault\n", "pgfault many\n", "oom_kill -1\n"} {
		requireMalformed[Vmstat](t, data)
	}
}

func FuzzVmstat(f *testing.F) { fuzz[Vmstat](f, "vmstat") }
