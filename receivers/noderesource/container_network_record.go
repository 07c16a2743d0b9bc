// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// recordNetwork records the network namespace that a process of the container is in, and tells what is missing. A
// container without processes has none.
func (r *containerRecorder) recordNetwork(n *namespaces, pid int) (missing source) {
	if pid == 0 {
		return 0
	}
	ns, missing := n.of(pid, r.e.temporality, r.container.life.counters.Newborn)
	if ns == nil {
		return missing
	}
	if ns.known {
		r.recordTraffic(&ns.growth)
	}
	if missing&sourceNetSockstat == 0 {
		r.gauge(r.mb.RecordNodesecSocketsUsedDataPoint, ns.sockstat.Used)
	}
	if missing&sourceNetProtocols == 0 {
		r.sockets(&ns.protocols)
	}
	if missing&sourceTCPStates == 0 {
		r.tcpStates(&ns.tcp.states)
	}
	return missing
}

func (r *containerRecorder) recordTraffic(growth *[networkCounters]int64) {
	mb := r.mb
	const in, out = metadata.AttributeNetworkIoDirectionReceive, metadata.AttributeNetworkIoDirectionTransmit
	mb.RecordContainerNetworkIoDataPoint(r.ts, growth[receivedBytes], in)
	mb.RecordContainerNetworkIoDataPoint(r.ts, growth[transmittedBytes], out)
	mb.RecordNodesecNetworkPacketsDataPoint(r.ts, growth[receivedPackets], in)
	mb.RecordNodesecNetworkPacketsDataPoint(r.ts, growth[transmittedPackets], out)
	mb.RecordNodesecNetworkErrorsDataPoint(r.ts, growth[receiveErrors], in)
	mb.RecordNodesecNetworkErrorsDataPoint(r.ts, growth[transmitErrors], out)
	mb.RecordNodesecNetworkDroppedDataPoint(r.ts, growth[receiveDropped], in)
	mb.RecordNodesecNetworkDroppedDataPoint(r.ts, growth[transmitDropped], out)
}
