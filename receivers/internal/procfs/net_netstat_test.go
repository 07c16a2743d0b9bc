// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNetstat(t *testing.T) {
	assert.Equal(t, Netstat{
		SyncookiesSent: is(0), SyncookiesRecv: is(0), SyncookiesFailed: is(0), ListenOverflows: is(0), ListenDrops: is(0),
		TCPTimeouts: is(2), TCPAbortOnTimeout: is(0),
	}, parseFixture[Netstat](t, new6, "1/net/netstat"))
	assert.True(t, parseFixture[Netstat](t, old3, "1/net/netstat").ListenDrops.Known)
	assert.Equal(t, Netstat{SyncookiesSent: is(1), ListenOverflows: is(2), ListenDrops: is(3), TCPTimeouts: is(4)},
		parse[Netstat](t, []byte("TcpExt: SyncookiesSent Other ListenOverflows ListenDrops TCPTimeouts\n"+
			"TcpExt: 1 9 2 3 4\n")))
	for _, data := range []string{"", "IpExt: A\nIpExt: 1\n", "TcpExt: TCPTimeouts\nTcpExt: x\n"} {
		requireMalformed[Netstat](t, data)
	}
}

func FuzzNetstat(f *testing.F) { fuzz[Netstat](f, "1/net/netstat") }
