// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// tcpShare is the part of the collection interval that reading TCP states may take, in percent.
const tcpShare = 1

// tcpTurns shares out the time for TCP states among the namespaces.
//
// The kernel keeps the sockets of all namespaces in one hash table and walks all of it to tell those of one: 3 ms for
// /proc/net/tcp and as much for tcp6 on a machine with 262144 buckets, whatever the namespace has. A node with 50 busy
// pods would spend a third of a CPU on it each second. So namespaces take turns, those first that waited longest, and
// in the ticks between a namespace has no states. One without TCP sockets has none and needs no turn. Where this process
// may enter the namespaces, see namespaceDiag, ten times as many have their turn.
type tcpTurns struct {
	waiting []*namespace
	cost    time.Duration // of the latest read
}

// tcpStates is the TCP states of a namespace.
type tcpStates struct {
	states procfs.TCPStates
	wanted bool   // has sockets, as of the latest scrape
	due    bool   // has its turn in this scrape
	round  uint64 // of the latest turn
}

// begin gives turns for a scrape, at least one. New namespaces have theirs at once.
func (t *tcpTurns) begin(known map[uint64]*namespace, interval time.Duration) {
	t.waiting = t.waiting[:0]
	for _, ns := range known {
		ns.tcp.due = false
		if ns.tcp.wanted {
			t.waiting = append(t.waiting, ns)
		}
	}
	slices.SortFunc(t.waiting, func(a, b *namespace) int { return cmp.Compare(a.tcp.round, b.tcp.round) })
	turns := 1 + int(interval*tcpShare/100/max(t.cost, time.Microsecond))
	for _, ns := range t.waiting[:min(turns, len(t.waiting))] {
		ns.tcp.due = true
	}
}

// readTCPStates reads the states of a namespace if it is its turn; net is a directory /proc/PID/net in it.
func (n *namespaces) readTCPStates(ns *namespace, net string) {
	tcp := &ns.tcp
	tcp.states = procfs.TCPStates{}
	if ns.missing&(sourceNetSockstat|sourceNetProtocols) != 0 {
		ns.missing |= sourceTCPStates
		return
	}
	if tcp.wanted = ns.protocols.TCP > 0 || ns.sockstat.TCPTimeWait.Value > 0; !tcp.wanted {
		return
	}
	if !tcp.due {
		ns.missing |= sourceTCPStates
		return
	}
	tcp.round = n.round
	start := time.Now()
	var err error
	if tcp.states, err = n.diag.statesOf(filepath.Join(net, "../ns/net")); err != nil {
		tcp.states = procfs.TCPStates{}
		if !n.parse(net+"/tcp", tcp.states.Add) {
			ns.missing |= sourceTCPStates
		}
		n.parse(net+"/tcp6", tcp.states.Add) // there is none without IPv6
	}
	n.tcp.cost = time.Since(start)
}
