// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// binding says who can reach a port, from fewer to more.
type binding uint8

const (
	boundLoopback binding = iota
	boundAddress
	boundWildcard
)

// socket is a line of /proc/net/tcp, tcp6, udp or udp6 (kernel net/ipv4/tcp_ipv4.c, tcp4_seq_show; net/ipv4/udp.c,
// udp4_seq_show; net/ipv6/tcp_ipv6.c; net/ipv6/datagram.c; Documentation/networking/proc_net_tcp.rst).
type socket struct {
	Port, RemotePort uint16
	Bound            binding
	// State is as in include/net/tcp_states.h. A UDP socket has TCP_CLOSE unless it is connected.
	State uint8
}

const (
	tcpClose  = 7
	tcpListen = 10
)

// errNoMoreListeners ends the reading of a file. The kernel writes all listening TCP sockets first (tcp_seq_start).
var errNoMoreListeners = errors.New("no more listening sockets")

// eachSocket calls visit for each socket in lines, heading skipped.
func eachSocket(lines []byte, visit func(s socket) error) error {
	for len(lines) > 0 {
		var line []byte
		line, lines = procfs.NextLine(lines)
		number, rest := procfs.NextField(line)
		if string(number) == "sl" {
			continue
		}
		var s socket
		var address []byte
		var ok1, ok2, ok3 bool
		local, rest := procfs.NextField(rest)
		remote, rest := procfs.NextField(rest)
		state, _ := procfs.NextField(rest)
		address, s.Port, ok1 = cutPort(local)
		_, s.RemotePort, ok2 = cutPort(remote)
		code, err := strconv.ParseUint(string(state), 16, 8)
		s.State = uint8(code)
		s.Bound, ok3 = bindingOf(address)
		if !ok1 || !ok2 || !ok3 || err != nil {
			return malformed(line)
		}
		if err := visit(s); err != nil {
			return err
		}
	}
	return nil
}

// cutPort cuts the four hexadecimal digits of the port from "0100007F:4844".
func cutPort(field []byte) (address []byte, port uint16, ok bool) {
	address, digits, ok := bytes.Cut(field, []byte(":"))
	if !ok {
		return nil, 0, false
	}
	value, err := strconv.ParseUint(string(digits), 16, 16)
	return address, uint16(value), err == nil
}

// bindingOf reads an address of 8 or 32 hexadecimal digits: words of 32 bits in network order, each printed as a number
// of this machine.
func bindingOf(digits []byte) (binding, bool) {
	var raw [16]byte
	if len(digits) != 8 && len(digits) != 32 {
		return 0, false
	}
	for i := 0; i < len(digits); i += 8 {
		word, err := strconv.ParseUint(string(digits[i:i+8]), 16, 32)
		if err != nil {
			return 0, false
		}
		binary.NativeEndian.PutUint32(raw[i/2:], uint32(word))
	}
	address := netip.AddrFrom4([4]byte(raw[:4]))
	if len(digits) == 32 {
		address = netip.AddrFrom16(raw).Unmap()
	}
	switch {
	case address.IsUnspecified():
		return boundWildcard, true
	case address.IsLoopback():
		return boundLoopback, true
	}
	return boundAddress, true
}
