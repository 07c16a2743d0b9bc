// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func netnsActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{"enter network": enterNetwork}
}

const loopbackIndex = 1

// enterNetwork makes the network namespace that a file stands for that of this thread.
func enterNetwork(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWNET)
}

// localAddresses are those that belong to the loopback interface in the tests' network.
func localAddresses() []string {
	return []string{
		"10.1.2.3/32", "10.96.0.1/32", "172.16.0.1/32", "172.32.0.1/32", "192.168.1.1/32", "100.64.0.1/32", "198.18.0.1/32",
		"169.254.1.1/32", "169.254.169.254/32", "168.63.129.16/32", "100.100.100.200/32", "203.0.113.7/32", "8.8.8.8/32",
		"fd00::1/128", "fd00:ec2::254/128", "2001:db8::7/128", "fe80::1/128", "fe80::a9fe:a9fe/128",
	}
}

// network makes a network namespace where nothing but the machine itself can be reached, and returns a file for it.
func network(t *testing.T) (path string) {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		fd, err := makeNetwork()
		made <- result{fd, err}
	}()
	r := <-made
	require.NoError(t, r.err)
	t.Cleanup(func() { _ = unix.Close(r.fd) })
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), r.fd)
}

func makeNetwork() (fd int, err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return 0, err
	}
	netlink, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer unix.Close(netlink)
	up := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(up[4:], loopbackIndex)
	binary.NativeEndian.PutUint32(up[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(up[12:], unix.IFF_UP)
	if err := request(netlink, unix.RTM_NEWLINK, up); err != nil {
		return 0, fmt.Errorf("set lo up: %w", err)
	}
	for _, text := range localAddresses() {
		prefix := netip.MustParsePrefix(text)
		if err := request(netlink, unix.RTM_NEWADDR, addressMessage(prefix)); err != nil {
			return 0, fmt.Errorf("add %s: %w", text, err)
		}
	}
	for prefix, kind := range map[string]byte{
		"192.0.2.0/28": unix.RTN_UNREACHABLE, "192.0.2.16/28": unix.RTN_BLACKHOLE, "192.0.2.32/28": unix.RTN_PROHIBIT,
		// What is sent here comes back and is thrown away.
		"198.51.100.0/24": unix.RTN_UNICAST,
	} {
		if err := request(netlink, unix.RTM_NEWROUTE, routeMessage(netip.MustParsePrefix(prefix), kind)); err != nil {
			return 0, fmt.Errorf("add the route to %s: %w", prefix, err)
		}
	}
	return unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

func family(addr netip.Addr) byte {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// attribute is a struct rtattr with its value.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	return append(binary.NativeEndian.AppendUint16(b, kind), value...)
}

// addressMessage is a struct ifaddrmsg that gives an address to the loopback interface.
func addressMessage(prefix netip.Prefix) []byte {
	scope := byte(unix.RT_SCOPE_UNIVERSE)
	if prefix.Addr().IsLinkLocalUnicast() {
		scope = unix.RT_SCOPE_LINK
	}
	b := []byte{family(prefix.Addr()), byte(prefix.Bits()), 0, scope}
	b = binary.NativeEndian.AppendUint32(b, loopbackIndex)
	b = append(b, attribute(unix.IFA_LOCAL, prefix.Addr().AsSlice())...)
	return append(b, attribute(unix.IFA_ADDRESS, prefix.Addr().AsSlice())...)
}

// routeMessage is a struct rtmsg.
func routeMessage(prefix netip.Prefix, kind byte) []byte {
	b := []byte{
		family(prefix.Addr()), byte(prefix.Bits()), 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, kind,
		0, 0, 0, 0,
	}
	b = append(b, attribute(unix.RTA_DST, prefix.Addr().AsSlice())...)
	if kind == unix.RTN_UNICAST {
		b[6] = unix.RT_SCOPE_LINK
		b = append(b, attribute(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, loopbackIndex))...)
	}
	return b
}

// request sends a message over netlink and waits for the answer.
func request(netlink int, kind uint16, body []byte) error {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE)
	b = append(append(b, make([]byte, 8)...), body...)
	if err := unix.Sendto(netlink, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(netlink, answer, 0)
	if err != nil || n < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("%d bytes of answer: %w", n, err)
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// sockaddr is a struct sockaddr and its length, as arguments of system calls.
func sockaddr(text string) []string {
	of := netip.MustParseAddrPort(text)
	b := binary.NativeEndian.AppendUint16(nil, uint16(family(of.Addr())))
	b = binary.BigEndian.AppendUint16(b, of.Port())
	if of.Addr().Is4() {
		b = append(append(b, of.Addr().AsSlice()...), make([]byte, 8)...)
	} else {
		b = append(append(b, 0, 0, 0, 0), of.Addr().AsSlice()...)
		scope, _ := strconv.Atoi(of.Addr().Zone())
		b = binary.NativeEndian.AppendUint32(b, uint32(scope))
	}
	return []string{raw(b), num(len(b))}
}

// networked is a session in a network.
func (h *host) networked(t *testing.T, network string, executable ...string) *session {
	t.Helper()
	s := h.session(t, executable...)
	s.do(t, "enter network", network)
	return s
}

// socket opens a socket for an address and keeps it under a number.
func (s *session) socket(t *testing.T, number int, text string, kind int) {
	t.Helper()
	of := family(netip.MustParseAddrPort(text).Addr())
	s.expect(t, nil, "keep", strconv.Itoa(number), "0", "socket", num(int(of)), num(kind), num(0))
}

func (s *session) close(t *testing.T, numbers ...int) {
	t.Helper()
	for _, number := range numbers {
		s.do(t, "call", "0", "close", num(number))
	}
}

// listen makes a socket that listens.
func (s *session) listen(t *testing.T, number int, text string) {
	t.Helper()
	s.socket(t, number, text, unix.SOCK_STREAM)
	s.words(t, nil, on("bind", append([]string{num(number)}, sockaddr(text)...)...))
	s.words(t, map[Count]uint32{CountListen: 1}, on("listen", num(number), num(16)))
}

// connecting is a call of connect that ends with an error.
func connecting(number int, text, errno string) []string {
	return append([]string{"call", errno, "connect", num(number)}, sockaddr(text)...)
}
