// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// nodeNetwork is where the network namespace of the node is found.
type nodeNetwork struct {
	// dir is the folder with its files: /proc/1/net of the node if root_path is set, since /proc/net would be that of
	// our own container. Without root_path it is that of our own namespace.
	dir string
	// own says that the node's namespace is our own, so that system calls and /proc/sys/net tell of it too.
	own bool
}

func newNodeNetwork(root string) nodeNetwork {
	const self = "/proc/self/net"
	if root == "" {
		return nodeNetwork{dir: self, own: true}
	}
	n := nodeNetwork{dir: root + "/proc/1/net"}
	// The files of /proc/[pid]/net belong to the namespace, so they are the same files if the namespace is the same.
	// Unlike a look at /proc/1/ns/net that takes no privilege.
	var ours, nodes unix.Stat_t
	n.own = unix.Stat(self+"/dev", &ours) == nil && unix.Stat(n.dir+"/dev", &nodes) == nil && ours.Ino == nodes.Ino
	return n
}

// The counters of an interface, as places in deviceSums; the two directions of each follow each other.
const (
	interfaceBytesReceived = iota
	interfaceBytesSent
	interfacePacketsReceived
	interfacePacketsSent
	interfaceErrorsReceived
	interfaceErrorsSent
	interfaceDroppedReceived
	interfaceDroppedSent
	interfaceLoopbackBytes // the interface lo counts only here
	interfaceCounters
)

func (s *nodeScraper) recordInterfaces(e *emitter) {
	devices := 0
	s.interfaces.begin()
	for i := range s.netDev.Interfaces {
		nic := &s.netDev.Interfaces[i]
		if nic.IsLoopback() {
			s.interfaces.add(nic.Name, 0, 0, 0, 0, 0, 0, 0, 0, nic.Receive.Bytes)
			continue
		}
		r, t := &nic.Receive, &nic.Transmit
		d := s.interfaces.add(nic.Name, r.Bytes, t.Bytes, r.Packets, t.Packets, r.Errors, t.Errors, r.Dropped, t.Dropped, 0)
		if devices < s.options.maxDevices {
			s.recordInterface(e, d)
		}
		devices++
	}
	s.interfaces.end()
	s.recordInterfaceTotals()
}

func (s *nodeScraper) recordInterfaceTotals() {
	r, mb, totals := &s.record, s.record.mb, s.interfaces.totals
	for i, direction := range networkDirections() {
		count := func(record func(pcommon.Timestamp, int64, metadata.AttributeNetworkIoDirection), place int) {
			countBy(r, record, direction, counterInterface+place+i, known(totals[place+i]))
		}
		count(mb.RecordSystemNetworkIoDataPoint, interfaceBytesReceived)
		count(mb.RecordSystemNetworkPacketCountDataPoint, interfacePacketsReceived)
		count(mb.RecordSystemNetworkErrorsDataPoint, interfaceErrorsReceived)
		count(mb.RecordSystemNetworkPacketDroppedDataPoint, interfaceDroppedReceived)
	}
	r.count(mb.RecordNodesecNetworkLoopbackIoDataPoint, counterInterface+interfaceLoopbackBytes,
		known(totals[interfaceLoopbackBytes]))
}

func (s *nodeScraper) recordInterface(e *emitter, d *device) {
	for i, direction := range networkDirections() {
		point := func(record func(pcommon.Timestamp, int64, metadata.AttributeNetworkIoDirection, string), place int) {
			if value, ok := d.point(place+i, e.temporality); ok {
				record(s.record.ts, value, direction, d.name)
			}
		}
		point(e.mb.RecordNodesecDeviceNetworkIoDataPoint, interfaceBytesReceived)
		point(e.mb.RecordNodesecDeviceNetworkPacketsDataPoint, interfacePacketsReceived)
		point(e.mb.RecordNodesecDeviceNetworkErrorsDataPoint, interfaceErrorsReceived)
		point(e.mb.RecordNodesecDeviceNetworkDroppedDataPoint, interfaceDroppedReceived)
	}
}

// networkDirections are the directions in the order in which the counters of an interface have them.
func networkDirections() [2]metadata.AttributeNetworkIoDirection {
	return [...]metadata.AttributeNetworkIoDirection{
		metadata.AttributeNetworkIoDirectionReceive, metadata.AttributeNetworkIoDirectionTransmit,
	}
}
