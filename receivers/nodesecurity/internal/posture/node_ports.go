// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// listening is a port that listens and its widest binding: the protocol in bit 18, the port from bit 2, the binding below.
type listening uint32

const udpBit = 1 << 18

func newListening(udp bool, port uint16, bound binding) listening {
	l := listening(port)<<2 | listening(bound)
	if udp {
		l |= udpBit
	}
	return l
}

func (l listening) udp() bool         { return l&udpBit != 0 }
func (l listening) port() uint32      { return uint32(l) >> 2 & 0xFFFF }
func (l listening) bound() binding    { return binding(l & 3) }
func (l listening) socket() uint32    { return uint32(l) >> 2 }
func (l listening) widest() listening { return l | 3 }

// portTable are the ports of this reading and the previous one, in order, each once.
type portTable struct {
	now, before []listening
	known       bool // before was read
}

// add takes what listens out of lines of a file.
func (p *portTable) add(lines []byte, udp bool) error {
	return eachSocket(lines, func(s socket) error {
		switch {
		case udp && (s.State != tcpClose || s.RemotePort != 0):
		case !udp && s.State != tcpListen:
			return errNoMoreListeners
		case s.Port != 0:
			p.now = append(p.now, newListening(udp, s.Port, s.Bound))
		}
		return nil
	})
}

// settle puts the ports in order and leaves the widest binding of each.
func (p *portTable) settle() {
	slices.Sort(p.now)
	kept := p.now[:0]
	for i, l := range p.now {
		if i+1 == len(p.now) || p.now[i+1].socket() != l.socket() {
			kept = append(kept, l)
		}
	}
	p.now = kept
}

// fresh counts ports that are not in before. Without what steady leaves out.
func (p *portTable) fresh(steady func(listening) bool) (count int64) {
	for _, l := range p.now {
		if !steady(l) {
			continue
		}
		// What would be behind all bindings of the port is behind the port if it is there.
		i, _ := slices.BinarySearch(p.before, l.widest())
		found := i < len(p.before) && p.before[i].socket() == l.socket() || i > 0 && p.before[i-1].socket() == l.socket()
		count += flag(!found)
	}
	return count
}

// readPorts reads what listens in the network namespace of process 1 of the node.
//
// The kernel walks its table of all TCP sockets of all namespaces to write the files tcp and tcp6, some 5 ms each on a
// machine of 24 GB. That is once per reading; asking by sock_diag would spare it only where the collector is in the
// node's network namespace itself.
func (r *Reader) readPorts(n *node) {
	p := &r.ports
	p.now = p.now[:0]
	for _, file := range [...]struct {
		name      string
		udp, ipv6 bool
	}{{"tcp", false, false}, {"tcp6", false, true}, {"udp", true, false}, {"udp6", true, true}} {
		err := r.kernel.ReadLines(r.root+"/proc/1/net/"+file.name, func(lines []byte) error { return p.add(lines, file.udp) })
		if errors.Is(err, errNoMoreListeners) || file.ipv6 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			n.errs = append(n.errs, err)
			return
		}
	}
	p.settle()
	r.recordPorts(n)
	p.now, p.before, p.known = p.before, p.now, true
}

func (r *Reader) recordPorts(n *node) {
	p := &r.ports
	first, last := r.ephemeralPorts()
	// Clients get ephemeral ports by chance; for TCP they do not listen, but UDP knows no difference.
	steady := func(l listening) bool { return !l.udp() || l.port() < first || l.port() > last }
	var tcp, udp, tcpWildcard, udpWildcard int64
	var sum fingerprint
	for _, l := range p.now {
		wildcard := flag(l.bound() == boundWildcard)
		if l.udp() {
			udp++
			udpWildcard += wildcard
		} else {
			tcp++
			tcpWildcard += wildcard
		}
		if steady(l) {
			key := strconv.AppendUint(nil, uint64(l.socket()), 10)
			sum.add(strconv.FormatInt(wildcard, 10), key)
		}
	}
	n.add(ListeningPorts, tcpPorts, tcp)
	n.add(ListeningPorts, udpPorts, udp)
	n.add(ListeningPorts, tcpWildcardPorts, tcpWildcard)
	n.add(ListeningPorts, udpWildcardPorts, udpWildcard)
	if p.known {
		n.add(ListeningPorts, newPorts, p.fresh(steady))
	}
	for _, k := range kubeletPorts() {
		open := slices.Contains(p.now, newListening(false, uint16(k.port), boundAddress)) ||
			slices.Contains(p.now, newListening(false, uint16(k.port), boundWildcard))
		n.add(KubeletPort, k.name, flag(open))
	}
	r.change(n, listeningPorts, sum)
}

// ephemeralPorts returns the range that clients get ports from. It is kept per network namespace and shown of the
// reader's; unless that is the node's, it is the kernel's default (net/ipv4/af_inet.c, inet_init_net).
func (r *Reader) ephemeralPorts() (first, last uint32) {
	if r.host.isOwn(nsNet) {
		if data, err := r.kernel.ReadFile(r.root + "/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
			low, rest, ok1 := procfs.NextUint(data)
			high, _, ok2 := procfs.NextUint(trimNewline(rest))
			if ok1 && ok2 && low <= high && high <= 0xFFFF {
				return uint32(low), uint32(high)
			}
		}
	}
	return 32768, 60999
}

func trimNewline(line []byte) []byte {
	line, _ = procfs.NextLine(line)
	return line
}
