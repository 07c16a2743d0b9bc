// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStat(t *testing.T) {
	assert.Equal(t, Stat{
		CPU:  CPUTimes{User: 76408, Nice: 18781, System: 28726, Idle: 316237, IOWait: 11258, SoftIRQ: 445, Steal: 610},
		CPUs: 2, Interrupts: is(2694889), ContextSwitches: is(5177743), Forks: is(32592), SoftIRQs: is(827574),
		Running: is(1), Blocked: is(0),
	}, parseFixture[Stat](t, new6, "stat"))
	assert.Equal(t, Stat{
		CPU:  CPUTimes{User: 301854, Nice: 612, System: 111922, Idle: 8979004, IOWait: 3552, IRQ: 2, SoftIRQ: 3944},
		CPUs: 8, Interrupts: is(73777505), ContextSwitches: is(38014093), Forks: is(26442), SoftIRQs: is(5057579),
		Running: is(2), Blocked: is(1),
	}, parseFixture[Stat](t, old3, "stat"))
}

func TestStatMalformed(t *testing.T) {
	for _, data := range []string{
		"", "cpu  1 2 3\n", "cpu  1 2 3 4 5 6 7 8 9 x\ncpu0 1\n", "cpu0 1\nctxt\n", "cpu0 1\nctxt -1\n",
		"cpu0 1\nintr 18446744073709551616\n",
	} {
		requireMalformed[Stat](t, data)
	}
}

func FuzzStat(f *testing.F) { fuzz[Stat](f, "stat") }
