// SPDX-License-Identifier: Apache-2.0

package procfs

// SNMP6 is a part of /proc/net/snmp6: the counters of SNMP that IPv6 keeps apart (kernel net/ipv6/proc.c).
type SNMP6 struct {
	// IPForwarded is Ip6OutForwDatagrams.
	IPForwarded Number
	// ICMPIn and ICMPOut are messages, neighbour discovery included; ICMPInUnreachable and ICMPOutUnreachable those of
	// type destination unreachable.
	ICMPIn, ICMPOut, ICMPInUnreachable, ICMPOutUnreachable Number

	UDPInDatagrams, UDPOutDatagrams, UDPNoPorts, UDPInErrors Number
}

// Parse parses the file.
func (s *SNMP6) Parse(data []byte) error {
	*s = SNMP6{}
	return parseKeyed(data, s.field)
}

// field returns where the value of the key goes; nil for a key of no interest.
func (s *SNMP6) field(key []byte) *Number {
	switch string(key) {
	case "Ip6OutForwDatagrams":
		return &s.IPForwarded
	case "Icmp6InMsgs":
		return &s.ICMPIn
	case "Icmp6OutMsgs":
		return &s.ICMPOut
	case "Icmp6InDestUnreachs":
		return &s.ICMPInUnreachable
	case "Icmp6OutDestUnreachs":
		return &s.ICMPOutUnreachable
	case "Udp6InDatagrams":
		return &s.UDPInDatagrams
	case "Udp6OutDatagrams":
		return &s.UDPOutDatagrams
	case "Udp6NoPorts":
		return &s.UDPNoPorts
	case "Udp6InErrors":
		return &s.UDPInErrors
	}
	return nil
}
