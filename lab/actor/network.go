// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// raiseLoopback brings loopback up and makes all addresses local to it, so that whatever address is tried, the packets stay
// in this network: what "ip route add local default dev lo" does.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, lo); err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		err := routeAll(family, lo.Uint32())
		if err != nil && (family == unix.AF_INET || !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EAFNOSUPPORT)) {
			return fmt.Errorf("make all addresses local: %w", err)
		}
	}
	return nil
}

// routeAll adds the route of all addresses of the family to the table of local addresses.
func routeAll(family byte, device uint32) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	b := binary.NativeEndian
	message := make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtMsg+unix.SizeofRtAttr+4)
	b.PutUint32(message[0:], uint32(len(message)))
	b.PutUint16(message[4:], unix.RTM_NEWROUTE)
	b.PutUint16(message[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	route := message[unix.SizeofNlMsghdr:] // struct rtmsg
	route[0], route[4], route[5], route[6], route[7] = family, unix.RT_TABLE_LOCAL, unix.RTPROT_STATIC, unix.RT_SCOPE_HOST, unix.RTN_LOCAL
	attribute := route[unix.SizeofRtMsg:]
	b.PutUint16(attribute[0:], unix.SizeofRtAttr+4)
	b.PutUint16(attribute[2:], unix.RTA_OIF)
	b.PutUint32(attribute[4:], device)
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 || b.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("an answer that is none")
	}
	if code := int32(b.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 && unix.Errno(-code) != unix.EEXIST {
		return unix.Errno(-code)
	}
	return nil
}
