// SPDX-License-Identifier: Apache-2.0

package procfs

// Sockstat is a part of /proc/net/sockstat (kernel net/ipv4/proc.c, sockstat_seq_show). All but TCPMemory is of the
// network namespace.
type Sockstat struct {
	// Used are sockets of all families.
	Used Number
	// TCPInUse, UDPInUse and RawInUse are sockets of IPv4; TCPInUse does not count those in TIME_WAIT.
	TCPInUse, UDPInUse, RawInUse Number
	// TCPOrphan are sockets without an owner, TCPTimeWait those in TIME_WAIT, IPv4 and IPv6 together.
	TCPOrphan, TCPTimeWait Number
	// TCPMemory is the memory of the buffers of all TCP sockets of the system, in pages.
	TCPMemory Number
}

// Parse parses the file.
func (s *Sockstat) Parse(data []byte) error {
	*s = Sockstat{}
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		kind, rest := NextField(line)
		for {
			var key, field []byte
			key, rest = NextField(rest)
			field, rest = NextField(rest)
			if len(key) == 0 {
				break
			}
			number := s.field(kind, key)
			if number == nil {
				continue
			}
			if err := number.parse(field, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// field returns where the value of the key goes; nil for a key of no interest.
func (s *Sockstat) field(kind, key []byte) *Number {
	switch string(kind) {
	case "sockets:":
		if string(key) == "used" {
			return &s.Used
		}
	case "TCP:":
		switch string(key) {
		case "inuse":
			return &s.TCPInUse
		case "orphan":
			return &s.TCPOrphan
		case "tw":
			return &s.TCPTimeWait
		case "mem":
			return &s.TCPMemory
		}
	case "UDP:":
		if string(key) == "inuse" {
			return &s.UDPInUse
		}
	case "RAW:":
		if string(key) == "inuse" {
			return &s.RawInUse
		}
	}
	return nil
}
