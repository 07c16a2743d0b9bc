// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSockstat(t *testing.T) {
	assert.Equal(t, Sockstat{
		Used: is(18), TCPInUse: is(5), UDPInUse: is(0), RawInUse: is(0), TCPOrphan: is(0), TCPTimeWait: is(2106),
		TCPMemory: is(0),
	}, parseFixture[Sockstat](t, new6, "1/net/sockstat"))
	assert.Equal(t, Sockstat{
		Used: is(1602), TCPInUse: is(35), UDPInUse: is(12), RawInUse: is(0), TCPOrphan: is(0), TCPTimeWait: is(4),
		TCPMemory: is(22),
	}, parseFixture[Sockstat](t, old3, "1/net/sockstat"))
	requireMalformed[Sockstat](t, "TCP: inuse\n")
	requireMalformed[Sockstat](t, "sockets: used some\n")
}

func FuzzSockstat(f *testing.F) { fuzz[Sockstat](f, "1/net/sockstat") }
