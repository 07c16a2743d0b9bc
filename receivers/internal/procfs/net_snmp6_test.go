// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSNMP6(t *testing.T) {
	got := parseFixture[SNMP6](t, new6, "1/net/snmp6")
	assert.Equal(t, is(0), got.IPForwarded)
	assert.True(t, got.ICMPIn.Known && got.ICMPOut.Known && got.ICMPInUnreachable.Known && got.ICMPOutUnreachable.Known)
	old := parseFixture[SNMP6](t, old3, "1/net/snmp6")
	assert.Equal(t, SNMP6{
		IPForwarded: is(0), ICMPIn: is(142), ICMPOut: is(58), ICMPInUnreachable: is(2), ICMPOutUnreachable: is(0),
		UDPInDatagrams: is(2016), UDPOutDatagrams: is(1546), UDPNoPorts: is(0), UDPInErrors: is(0),
	}, old)
	requireMalformed[SNMP6](t, "Udp6InErrors\n")
	requireMalformed[SNMP6](t, "Udp6InErrors few\n")
}

func FuzzSNMP6(f *testing.F) { fuzz[SNMP6](f, "1/net/snmp6") }
