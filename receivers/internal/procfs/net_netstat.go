// SPDX-License-Identifier: Apache-2.0

package procfs

// Netstat is the part TcpExt of /proc/net/netstat: TCP over IPv4 and IPv6, of a network namespace, since it was made
// (kernel net/ipv4/proc.c, netstat_seq_show; Documentation/networking/snmp_counter.rst).
type Netstat struct {
	SyncookiesSent, SyncookiesRecv, SyncookiesFailed Number
	// ListenOverflows are times the accept queue was full, ListenDrops all SYNs to listening sockets dropped, those
	// included.
	ListenOverflows, ListenDrops Number
	// TCPTimeouts are retransmission timeouts, TCPAbortOnTimeout connections given up after too many of them.
	TCPTimeouts, TCPAbortOnTimeout Number
}

// Parse parses the file.
func (n *Netstat) Parse(data []byte) error {
	*n = Netstat{}
	for len(data) > 0 {
		columns, rest, err := nextSNMPColumns(data)
		if err != nil {
			return err
		}
		if string(columns.protocol) == "TcpExt" {
			return columns.each(n.field)
		}
		data = rest
	}
	return malformed(nil)
}

func (n *Netstat) field(name []byte) *Number {
	switch string(name) {
	case "SyncookiesSent":
		return &n.SyncookiesSent
	case "SyncookiesRecv":
		return &n.SyncookiesRecv
	case "SyncookiesFailed":
		return &n.SyncookiesFailed
	case "ListenOverflows":
		return &n.ListenOverflows
	case "ListenDrops":
		return &n.ListenDrops
	case "TCPTimeouts":
		return &n.TCPTimeouts
	case "TCPAbortOnTimeout":
		return &n.TCPAbortOnTimeout
	}
	return nil
}
