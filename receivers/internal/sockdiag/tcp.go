// SPDX-License-Identifier: Apache-2.0

// Package sockdiag asks the kernel for sockets over netlink, see sock_diag(7).
package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// What the kernel's include/uapi/linux/inet_diag.h calls TCPDIAG_GETSOCK, struct inet_diag_req and inet_diag_msg.
//
// It is the older of two requests. Unlike the newer one it is not for one address family but for all, so the kernel
// walks its hash table of sockets once instead of twice.
const (
	tcpDiagGetSock = 18

	requestSize    = unix.SizeofNlMsghdr + 60
	offsetStates   = unix.SizeofNlMsghdr + 52
	offsetMsgState = unix.SizeofNlMsghdr + 1
)

// receiveSize is more than the kernel puts into one part of a dump.
const receiveSize = 64 << 10

// TCP counts the TCP sockets of the network namespace of the calling thread by state, IPv4 and IPv6 together. It keeps
// its buffer between calls and is not safe for concurrent use.
type TCP struct{ buf []byte }

// States returns the counts. It fails where the kernel has no tcp_diag.
func (t *TCP) States() (states procfs.TCPStates, err error) {
	// The kernel makes the next part of the dump while we read, so there is never anything to wait for.
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return states, fmt.Errorf("open sock_diag socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if t.buf == nil {
		t.buf = make([]byte, receiveSize)
	}
	request := dumpRequest()
	if _, err := unix.Write(fd, t.buf[:copy(t.buf, request[:])]); err != nil {
		return states, fmt.Errorf("request sockets: %w", err)
	}
	for done := false; !done; {
		n, err := unix.Read(fd, t.buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return states, fmt.Errorf("receive sockets: %w", err)
		}
		if done, err = count(t.buf[:n], &states); err != nil {
			return states, err
		}
	}
	return states, nil
}

func dumpRequest() (request [requestSize]byte) {
	binary.NativeEndian.PutUint32(request[0:], requestSize)
	binary.NativeEndian.PutUint16(request[4:], tcpDiagGetSock)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	const all = 1<<(procfs.TCPClosing+1) - 1
	binary.NativeEndian.PutUint32(request[offsetStates:], all)
	return request
}

// count adds the sockets in one part of the dump to states and reports whether it was the last part.
func count(part []byte, states *procfs.TCPStates) (done bool, err error) {
	for len(part) >= unix.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(part))
		if length < unix.SizeofNlMsghdr || length > len(part) {
			return true, fmt.Errorf("receive sockets: message of %d bytes in %d", length, len(part))
		}
		switch binary.NativeEndian.Uint16(part[4:]) {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			return true, messageError(part[:length])
		case tcpDiagGetSock:
			if length > offsetMsgState {
				state := part[offsetMsgState]
				if state == newSynReceived {
					state = byte(procfs.TCPSynReceived)
				}
				if int(state) < len(states) {
					states[state]++
				}
			}
		}
		part = part[min(len(part), (length+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return false, nil
}

// newSynReceived is TCP_NEW_SYN_RECV: a request on its way to SYN_RECV.
const newSynReceived = 12

// messageError returns the error that an NLMSG_ERROR carries: a negative errno.
func messageError(message []byte) error {
	if len(message) < unix.SizeofNlMsghdr+4 {
		return errors.New("request sockets: refused")
	}
	errno := -int32(binary.NativeEndian.Uint32(message[unix.SizeofNlMsghdr:]))
	return fmt.Errorf("request sockets: %w", unix.Errno(errno))
}
