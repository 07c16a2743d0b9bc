// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDiskstats(t *testing.T) {
	got := parseFixture[Diskstats](t, new6, "diskstats").Devices
	assert.Len(t, got, 3)
	assert.Equal(t, DiskDevice{
		Name: []byte("vda"), Reads: 207186, ReadsMerged: 43093, SectorsRead: 6427538, ReadMillis: 1878565,
		Writes: 41412, WritesMerged: 188255, SectorsWritten: 23279864, WriteMillis: 130445, BusyMillis: 134044,
	}, got[1])
}

func TestDiskstatsBeforeDiscardsAndFlushes(t *testing.T) {
	got := parseFixture[Diskstats](t, old3, "diskstats").Devices
	assert.Len(t, got, 12)
	assert.Equal(t, DiskDevice{
		Name: []byte("sda"), Reads: 25354637, ReadsMerged: 34367663, SectorsRead: 1003346126, ReadMillis: 18492372,
		Writes: 28444756, WritesMerged: 11134226, SectorsWritten: 505697032, WriteMillis: 63877960, BusyMillis: 9653880,
	}, got[2])
}

func TestDiskstatsMalformed(t *testing.T) {
	for _, data := range []string{
		"\n", "8 0\n", "8 0 sda\n", "8 0 sda 1 2 3 4 5 6 7 8 9\n", "8 0 sda 1 2 3 4 5 6 7 8 -9 10\n",
	} {
		requireMalformed[Diskstats](t, data)
	}
}

func FuzzDiskstats(f *testing.F) { fuzz[Diskstats](f, "diskstats") }
