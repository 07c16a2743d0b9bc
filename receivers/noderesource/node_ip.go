// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

const (
	receive  = metadata.AttributeNetworkIoDirectionReceive
	transmit = metadata.AttributeNetworkIoDirectionTransmit
)

// both adds up what IPv4 and IPv6 count apart.
func both(a, b procfs.Number) procfs.Number {
	return procfs.Number{Value: a.Value + b.Value, Known: a.Known || b.Known}
}

// recordSNMP records IP, ICMP, UDP and TCP. TCP is counted once for both versions of IP, the others apart.
func (s *nodeScraper) recordSNMP(e *emitter) {
	s.recordTCPSegments()
	s.snmp6 = procfs.SNMP6{}
	if !s.parseIPv6(e, sourceNetSNMP, s.network.dir+"/snmp6", &s.snmp6) {
		return
	}
	r, mb, v4, v6 := &s.record, s.record.mb, &s.snmp, &s.snmp6
	r.count(mb.RecordNodesecIPForwardedDataPoint, counterIPForwarded, both(v4.IPForwarded, v6.IPForwarded))

	countBy(r, mb.RecordNodesecIcmpMessagesDataPoint, receive, counterICMPIn, both(v4.ICMPIn, v6.ICMPIn))
	countBy(r, mb.RecordNodesecIcmpMessagesDataPoint, transmit, counterICMPOut, both(v4.ICMPOut, v6.ICMPOut))
	countBy(r, mb.RecordNodesecIcmpUnreachablesDataPoint, receive, counterICMPInUnreachable,
		both(v4.ICMPInUnreachable, v6.ICMPInUnreachable))
	countBy(r, mb.RecordNodesecIcmpUnreachablesDataPoint, transmit, counterICMPOutUnreachable,
		both(v4.ICMPOutUnreachable, v6.ICMPOutUnreachable))

	countBy(r, mb.RecordNodesecUDPDatagramsDataPoint, receive, counterUDPIn, both(v4.UDPInDatagrams, v6.UDPInDatagrams))
	countBy(r, mb.RecordNodesecUDPDatagramsDataPoint, transmit, counterUDPOut,
		both(v4.UDPOutDatagrams, v6.UDPOutDatagrams))
	r.count(mb.RecordNodesecUDPNoPortsDataPoint, counterUDPNoPorts, both(v4.UDPNoPorts, v6.UDPNoPorts))
	r.count(mb.RecordNodesecUDPErrorsDataPoint, counterUDPInErrors, both(v4.UDPInErrors, v6.UDPInErrors))
}

func (s *nodeScraper) recordTCPSegments() {
	r, mb, t := &s.record, s.record.mb, &s.snmp
	r.count(mb.RecordNodesecTCPActiveOpensDataPoint, counterTCPActiveOpens, t.TCPActiveOpens)
	r.count(mb.RecordNodesecTCPPassiveOpensDataPoint, counterTCPPassiveOpens, t.TCPPassiveOpens)
	r.count(mb.RecordNodesecTCPAttemptFailsDataPoint, counterTCPAttemptFails, t.TCPAttemptFails)
	r.count(mb.RecordNodesecTCPEstablishedResetsDataPoint, counterTCPEstabResets, t.TCPEstabResets)
	countBy(r, mb.RecordNodesecTCPSegmentsDataPoint, receive, counterTCPInSegs, t.TCPInSegs)
	countBy(r, mb.RecordNodesecTCPSegmentsDataPoint, transmit, counterTCPOutSegs, t.TCPOutSegs)
	r.count(mb.RecordNodesecTCPRetransmitsDataPoint, counterTCPRetransSegs, t.TCPRetransSegs)
	r.count(mb.RecordNodesecTCPReceiveErrorsDataPoint, counterTCPInErrs, t.TCPInErrs)
	r.count(mb.RecordNodesecTCPResetsSentDataPoint, counterTCPOutRsts, t.TCPOutRsts)
}

func (s *nodeScraper) recordNetstat(*emitter) {
	r, mb, n := &s.record, s.record.mb, &s.netstat
	cookies := mb.RecordNodesecTCPSynCookiesDataPoint
	countBy(r, cookies, metadata.AttributeNodesecTCPSynCookieSent, counterSyncookiesSent, n.SyncookiesSent)
	countBy(r, cookies, metadata.AttributeNodesecTCPSynCookieReceived, counterSyncookiesReceived, n.SyncookiesRecv)
	countBy(r, cookies, metadata.AttributeNodesecTCPSynCookieFailed, counterSyncookiesFailed, n.SyncookiesFailed)
	r.count(mb.RecordNodesecTCPListenOverflowsDataPoint, counterListenOverflows, n.ListenOverflows)
	r.count(mb.RecordNodesecTCPListenDropsDataPoint, counterListenDrops, n.ListenDrops)
	r.count(mb.RecordNodesecTCPTimeoutsDataPoint, counterTCPTimeouts, n.TCPTimeouts)
	r.count(mb.RecordNodesecTCPAbortsOnTimeoutDataPoint, counterTCPAbortOnTimeout, n.TCPAbortOnTimeout)
}
