// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/counter"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// namespaces measures the network of containers. The kernel counts it per network namespace, which the containers of a
// pod share: a namespace is read once per scrape, and all its containers show its numbers. Containers in the node's own
// namespace show none: it would be the node's traffic.
type namespaces struct {
	proc   string
	reader procfs.Reader
	known  map[uint64]*namespace // by number, see inode
	// host is the number of the node's own namespace; zero if unknown.
	host  uint64
	round uint64

	tcp  tcpTurns
	diag namespaceDiag
	dev  procfs.NetDev
}

// namespace is one network namespace.
type namespace struct {
	traffic counter.Set
	round   uint64 // in which it was read
	missing source

	// growth of the traffic, in the order of networkCounters; known says whether it is.
	growth [networkCounters]int64
	known  bool

	sockstat  procfs.Sockstat
	protocols procfs.Protocols
	tcp       tcpStates
}

// The counters of a namespace, over all interfaces but loopback.
const (
	receivedBytes = iota
	receivedPackets
	receiveErrors
	receiveDropped
	transmittedBytes
	transmittedPackets
	transmitErrors
	transmitDropped
	networkCounters
)

func newNamespaces(root string) *namespaces {
	n := &namespaces{proc: filepath.Join(root, "proc"), known: map[uint64]*namespace{}}
	n.host, _ = n.inode(1)
	return n
}

// begin starts a scrape. Namespaces in which no container was seen in the previous one are forgotten.
func (n *namespaces) begin(interval time.Duration) {
	for inode, ns := range n.known {
		if ns.round != n.round {
			delete(n.known, inode)
		}
	}
	n.round++
	n.tcp.begin(n.known, interval)
}

// of returns the namespace of a process, read in this scrape; nil for the node's own and if it is unknown, when missing
// is not zero. newborn says that the container of the process is.
func (n *namespaces) of(pid int, temporality counter.Temporality, newborn bool) (ns *namespace, missing source) {
	if n.host == 0 { // none can be told from the node's own
		return nil, sourceNamespaceNet
	}
	inode, err := n.inode(pid)
	if err != nil {
		return nil, sourceNamespaceNet
	}
	if inode == n.host {
		return nil, 0
	}
	if ns = n.known[inode]; ns == nil {
		ns = &namespace{traffic: counter.Set{Temporality: temporality, Newborn: newborn}, tcp: tcpStates{due: true}}
		n.known[inode] = ns
	}
	if ns.round != n.round {
		ns.round = n.round
		n.read(ns, pid)
	}
	return ns, ns.missing
}

// inode is a number that a process' network namespace has for itself: that of its entry net/dev in the proc file system,
// which is made with the namespace (fs/proc/proc_net.c proc_net_ns_init, proc_tgid_net_lookup). Unlike the number of
// ns/net it can be had without the right to trace the process.
func (n *namespaces) inode(pid int) (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat(filepath.Join(n.proc, strconv.Itoa(pid), "net/dev"), &st)
	return st.Ino, err
}

// read reads the namespace through a process in it.
func (n *namespaces) read(ns *namespace, pid int) {
	net := filepath.Join(n.proc, strconv.Itoa(pid), "net")
	ns.missing, ns.known = 0, false
	if n.parse(net+"/dev", n.dev.Parse) {
		ns.update(n.dev.Interfaces)
	} else {
		ns.missing |= sourceNetDev
	}
	if !n.parse(net+"/sockstat", ns.sockstat.Parse) {
		ns.missing |= sourceNetSockstat
	}
	if !n.parse(net+"/protocols", ns.protocols.Parse) {
		ns.missing |= sourceNetProtocols
	}
	n.readTCPStates(ns, net)
}

func (n *namespaces) parse(path string, parse func([]byte) error) bool {
	data, err := n.reader.ReadFile(path)
	return err == nil && parse(data) == nil
}

// update adds up the interfaces and takes the growth.
func (ns *namespace) update(interfaces []procfs.NetInterface) {
	var sum [networkCounters]uint64
	for i := range interfaces {
		if interfaces[i].IsLoopback() {
			continue
		}
		r, t := &interfaces[i].Receive, &interfaces[i].Transmit
		for j, value := range [networkCounters]uint64{
			r.Bytes, r.Packets, r.Errors, r.Dropped, t.Bytes, t.Packets, t.Errors, t.Dropped,
		} {
			sum[j] += value
		}
	}
	for i, value := range sum {
		growth, known := ns.traffic.Update(i, value)
		ns.growth[i], ns.known = int64(growth), known
	}
	ns.traffic.Newborn = false
}
