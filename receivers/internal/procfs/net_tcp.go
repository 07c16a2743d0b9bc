// SPDX-License-Identifier: Apache-2.0

package procfs

import "bytes"

// TCPState is the state of a TCP socket as the kernel numbers it (kernel include/net/tcp_states.h).
type TCPState uint8

// The states.
const (
	TCPEstablished TCPState = iota + 1
	TCPSynSent
	TCPSynReceived
	TCPFinWait1
	TCPFinWait2
	TCPTimeWait
	TCPClosed
	TCPCloseWait
	TCPLastAck
	TCPListen
	TCPClosing
	tcpStates // past the last
)

// TCPStates is the number of TCP sockets in each state.
//
// Mind the cost: the kernel keeps the sockets of all network namespaces in one hash table, sized by the memory of the
// machine, and /proc/net/tcp walks all of it under the locks of its buckets, tcp6 once more. It takes milliseconds even
// where there is no socket at all. Package sockdiag asks for the same more than ten times as fast.
type TCPStates [tcpStates]uint64

// Add counts the sockets in lines of /proc/net/tcp or tcp6, headings skipped (kernel net/ipv4/tcp_ipv4.c,
// get_tcp4_sock; net/ipv6/tcp_ipv6.c, get_tcp6_sock; Documentation/networking/proc_net_tcp.rst).
func (s *TCPStates) Add(lines []byte) error {
	for len(lines) > 0 {
		var line []byte
		line, lines = NextLine(lines)
		state, ok := tcpState(line)
		if !ok {
			if bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("sl ")) {
				continue
			}
			return malformed(line)
		}
		s[state]++
	}
	return nil
}

// tcpState parses the state in "   0: 0100007F:4844 00000000:0000 0A ...", two hexadecimal digits.
func tcpState(line []byte) (state TCPState, ok bool) {
	rest := line
	var field []byte
	for range 4 {
		field, rest = NextField(rest)
	}
	if len(field) != 2 || field[0] != '0' {
		return 0, false
	}
	switch c := field[1]; {
	case c >= '1' && c <= '9':
		return TCPState(c - '0'), true
	case c == 'A':
		return TCPListen, true
	case c == 'B':
		return TCPClosing, true
	case c == 'C': // TCP_NEW_SYN_RECV: a request on its way to SYN_RECV
		return TCPSynReceived, true
	}
	return 0, false
}
