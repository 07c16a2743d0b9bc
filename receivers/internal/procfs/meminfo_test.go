// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMeminfo(t *testing.T) {
	const kB = 1024
	assert.Equal(t, Meminfo{
		MemTotal: is(24684084 * kB), MemFree: is(21530404 * kB), MemAvailable: is(24047520 * kB), Buffers: is(31324 * kB),
		Cached: is(2416944 * kB), Unevictable: is(18432 * kB), SwapTotal: is(0), SwapFree: is(0), Dirty: is(4300 * kB),
		Writeback: is(0), AnonPages: is(160360 * kB), Mapped: is(380688 * kB), Shmem: is(8872 * kB),
		SReclaimable: is(395244 * kB), SUnreclaim: is(48604 * kB), KernelStack: is(2544 * kB), PageTables: is(5060 * kB),
		CommitLimit: is(12342040 * kB), CommittedAS: is(676452 * kB), HugePagesTotal: is(0), HugePagesFree: is(0),
	}, parseFixture[Meminfo](t, new6, "meminfo"))

	old := parseFixture[Meminfo](t, old3, "meminfo")
	assert.False(t, old.MemAvailable.Known, "Linux before 3.14 does not tell")
	assert.Equal(t, is(15666184*kB), old.MemTotal)
	assert.Equal(t, is(1738124*kB), old.SReclaimable)
}

func TestMeminfoHugePagesAreCounted(t *testing.T) {
	got := parse[Meminfo](t, []byte("HugePages_Total:     512\nHugePages_Free:      500\nHugepagesize:       2048 kB\n"))
	assert.Equal(t, Meminfo{HugePagesTotal: is(512), HugePagesFree: is(500)}, got)
}

func TestMeminfoMalformed(t *testing.T) {
	for _, data := range []string{"MemTotal 1 kB\n", "MemTotal: kB\n", "MemTotal:\n"} {
		requireMalformed[Meminfo](t, data)
	}
}

func FuzzMeminfo(f *testing.F) { fuzz[Meminfo](f, "meminfo") }
