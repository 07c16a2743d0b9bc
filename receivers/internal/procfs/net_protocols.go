// SPDX-License-Identifier: Apache-2.0

package procfs

// Protocols is the number of sockets by kind out of /proc/net/protocols, IPv4 and IPv6 together, of the network
// namespace (kernel net/core/sock.c, proto_seq_printf). A protocol whose module is not loaded has no line, and no
// sockets.
type Protocols struct {
	// TCP does not count sockets in TIME_WAIT. Unix counts stream sockets too, which have a line of their own since
	// Linux 5.15.
	TCP, UDP, Raw, Packet, Unix uint64
}

// Parse parses the file.
func (p *Protocols) Parse(data []byte) error {
	*p = Protocols{}
	heading, data := NextLine(data)
	if field, _ := NextField(heading); string(field) != "protocol" {
		return malformed(heading)
	}
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		name, rest := NextField(line)
		kind := p.kind(name)
		if kind == nil {
			continue
		}
		var size, sockets uint64
		if _, err := nextUints(rest, line, &size, &sockets); err != nil {
			return err
		}
		*kind += sockets
	}
	return nil
}

// kind returns where the sockets of a protocol count; nil for one of no interest.
func (p *Protocols) kind(name []byte) *uint64 {
	switch string(name) {
	case "TCP", "TCPv6":
		return &p.TCP
	case "UDP", "UDPv6":
		return &p.UDP
	case "RAW", "RAWv6":
		return &p.Raw
	case "PACKET":
		return &p.Packet
	case "UNIX", "UNIX-STREAM":
		return &p.Unix
	}
	return nil
}
