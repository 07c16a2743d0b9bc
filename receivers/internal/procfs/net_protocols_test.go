// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestProtocols(t *testing.T) {
	assert.Equal(t, Protocols{TCP: 5, Unix: 2}, parseFixture[Protocols](t, new6, "1/net/protocols"))
	assert.Equal(t, Protocols{TCP: 93064 + 1937, UDP: 73 + 10, Raw: 1, Packet: 2, Unix: 120},
		parseFixture[Protocols](t, old3, "1/net/protocols"))
	requireMalformed[Protocols](t, "")
	requireMalformed[Protocols](t, "protocol size sockets\nTCP 1 x\n")
}

func FuzzProtocols(f *testing.F) { fuzz[Protocols](f, "1/net/protocols") }
