// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNetDev(t *testing.T) {
	got := parseFixture[NetDev](t, new6, "1/net/dev").Interfaces
	assert.Len(t, got, 4)
	assert.True(t, got[0].IsLoopback())
	assert.False(t, got[3].IsLoopback())
	assert.Equal(t, NetInterface{
		Name:     []byte("eth0"),
		Receive:  NetTraffic{Bytes: 1038454871, Packets: 51972},
		Transmit: NetTraffic{Bytes: 4252035, Packets: 40587},
	}, got[3])
	old := parseFixture[NetDev](t, old3, "1/net/dev").Interfaces
	assert.Equal(t, "vethf345468", string(old[0].Name))
	assert.Equal(t, NetTraffic{Bytes: 438, Packets: 5}, old[0].Transmit)
}

func TestNetDevColumns(t *testing.T) {
	got := parse[NetDev](t, []byte("Inter-|\n face |\nwide0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")).Interfaces
	assert.Equal(t, []NetInterface{{
		Name:     []byte("wide0"),
		Receive:  NetTraffic{Bytes: 1, Packets: 2, Errors: 3, Dropped: 4},
		Transmit: NetTraffic{Bytes: 9, Packets: 10, Errors: 11, Dropped: 12},
	}}, got, "no space after the colon of a wide number")
}

func TestNetDevMalformed(t *testing.T) {
	for _, data := range []string{"a\nb\neth0 1 2\n", "a\nb\neth0: 1 2 3 4 5 6 7 8 9 10 11\n", "a\nb\neth0: x\n"} {
		requireMalformed[NetDev](t, data)
	}
}

func FuzzNetDev(f *testing.F) { fuzz[NetDev](f, "1/net/dev") }
