// SPDX-License-Identifier: Apache-2.0

package procfs

import "bytes"

// SNMP is a part of /proc/net/snmp: IPv4 and TCP over both IPv4 and IPv6, of a network namespace, since it was made
// (kernel net/ipv4/proc.c, snmp_seq_show; RFC 1213; Documentation/networking/snmp_counter.rst).
type SNMP struct {
	// IPForwarded is Ip ForwDatagrams.
	IPForwarded Number
	// ICMPIn and ICMPOut are messages, ICMPInUnreachable and ICMPOutUnreachable those of type destination unreachable.
	ICMPIn, ICMPOut, ICMPInUnreachable, ICMPOutUnreachable Number

	TCPActiveOpens, TCPPassiveOpens, TCPAttemptFails, TCPEstabResets Number
	TCPInSegs, TCPOutSegs, TCPRetransSegs, TCPInErrs, TCPOutRsts     Number
	// TCPCurrEstab is no counter but the number of connections established or in CLOSE_WAIT.
	TCPCurrEstab Number

	UDPInDatagrams, UDPOutDatagrams, UDPNoPorts, UDPInErrors Number
}

// Parse parses the file.
func (s *SNMP) Parse(data []byte) error {
	*s = SNMP{}
	for len(data) > 0 {
		var columns snmpColumns
		var err error
		if columns, data, err = nextSNMPColumns(data); err != nil {
			return err
		}
		switch string(columns.protocol) {
		case "Ip":
			err = columns.each(s.ipField)
		case "Icmp":
			err = columns.each(s.icmpField)
		case "Tcp":
			err = columns.each(s.tcpField)
		case "Udp":
			err = columns.each(s.udpField)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *SNMP) ipField(name []byte) *Number {
	if string(name) == "ForwDatagrams" {
		return &s.IPForwarded
	}
	return nil
}

func (s *SNMP) icmpField(name []byte) *Number {
	switch string(name) {
	case "InMsgs":
		return &s.ICMPIn
	case "OutMsgs":
		return &s.ICMPOut
	case "InDestUnreachs":
		return &s.ICMPInUnreachable
	case "OutDestUnreachs":
		return &s.ICMPOutUnreachable
	}
	return nil
}

func (s *SNMP) tcpField(name []byte) *Number {
	switch string(name) {
	case "ActiveOpens":
		return &s.TCPActiveOpens
	case "PassiveOpens":
		return &s.TCPPassiveOpens
	case "AttemptFails":
		return &s.TCPAttemptFails
	case "EstabResets":
		return &s.TCPEstabResets
	case "CurrEstab":
		return &s.TCPCurrEstab
	case "InSegs":
		return &s.TCPInSegs
	case "OutSegs":
		return &s.TCPOutSegs
	case "RetransSegs":
		return &s.TCPRetransSegs
	case "InErrs":
		return &s.TCPInErrs
	case "OutRsts":
		return &s.TCPOutRsts
	}
	return nil
}

func (s *SNMP) udpField(name []byte) *Number {
	switch string(name) {
	case "InDatagrams":
		return &s.UDPInDatagrams
	case "OutDatagrams":
		return &s.UDPOutDatagrams
	case "NoPorts":
		return &s.UDPNoPorts
	case "InErrors":
		return &s.UDPInErrors
	}
	return nil
}

// snmpColumns are the two lines that /proc/net/snmp and netstat have per protocol: names and values.
type snmpColumns struct{ protocol, names, values []byte }

// nextSNMPColumns returns the first two lines of data and what follows them.
func nextSNMPColumns(data []byte) (columns snmpColumns, rest []byte, err error) {
	names, rest := NextLine(data)
	values, rest := NextLine(rest)
	protocol, names, ok := bytes.Cut(names, []byte(":"))
	again, values, okAgain := bytes.Cut(values, []byte(":"))
	if !ok || !okAgain || !bytes.Equal(protocol, again) {
		return snmpColumns{}, nil, malformed(data)
	}
	return snmpColumns{protocol: protocol, names: names, values: values}, rest, nil
}

// each parses the values of those columns for which field returns a place.
func (c snmpColumns) each(field func(name []byte) *Number) error {
	names, values := c.names, c.values
	for {
		var name, value []byte
		name, names = NextField(names)
		value, values = NextField(values)
		if len(name) == 0 {
			return nil
		}
		if number := field(name); number != nil {
			if err := number.parse(value, c.values); err != nil {
				return err
			}
		}
	}
}
