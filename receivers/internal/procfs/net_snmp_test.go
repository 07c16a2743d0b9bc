// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSNMP(t *testing.T) {
	assert.Equal(t, SNMP{
		IPForwarded: is(0),
		ICMPIn:      is(45), ICMPOut: is(50), ICMPInUnreachable: is(45), ICMPOutUnreachable: is(50),
		TCPActiveOpens: is(1103), TCPPassiveOpens: is(9), TCPAttemptFails: is(8), TCPEstabResets: is(51),
		TCPCurrEstab: is(15), TCPInSegs: is(653161), TCPOutSegs: is(594855), TCPRetransSegs: is(348), TCPInErrs: is(98),
		TCPOutRsts: is(1038), UDPInDatagrams: is(10179), UDPOutDatagrams: is(9846), UDPNoPorts: is(50), UDPInErrors: is(0),
	}, parseFixture[SNMP](t, old3, "1/net/snmp"))
	assert.Equal(t, is(8077), parseFixture[SNMP](t, new6, "1/net/snmp").TCPActiveOpens)
}

func TestSNMPMalformed(t *testing.T) {
	for _, data := range []string{
		"Tcp\n", "Tcp: InSegs\n", "Tcp: InSegs\nUdp: 1\n", "Tcp: InSegs\nTcp:\n", "Tcp: InSegs\nTcp: -1\n",
	} {
		requireMalformed[SNMP](t, data)
	}
}

func FuzzSNMP(f *testing.F) { fuzz[SNMP](f, "1/net/snmp") }
