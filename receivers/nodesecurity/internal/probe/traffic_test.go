// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

func trafficActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"sendmsg": func(args []string) error { return sendMessages(args, false) }, "sendmmsg": func(args []string) error {
			return sendMessages(args, true)
		},
		"flows": flows, "queries": queries, "socket pair": talkLocally,
	}
}

// manyMessage is a struct mmsghdr.
type manyMessage struct {
	header unix.Msghdr
	sent   uint32
	_      uint32
}

// sendMessages sends messages through a descriptor: of each there is the address, which may be empty, and the length.
func sendMessages(args []string, many bool) error {
	fd, _ := strconv.Atoi(args[0])
	var pinner runtime.Pinner
	defer pinner.Unpin()
	messages := make([]manyMessage, len(args)/2)
	for i := range messages {
		addr, _ := hex.DecodeString(strings.TrimPrefix(args[1+2*i], "x"))
		length, _ := strconv.Atoi(args[2+2*i])
		data := make([]byte, length)
		// In two pieces.
		vector := []unix.Iovec{{Base: &data[0]}, {Base: &data[length/2]}}
		vector[0].SetLen(length / 2)
		vector[1].SetLen(length - length/2)
		pinner.Pin(&data[0])
		pinner.Pin(&vector[0])
		messages[i].header.Iov = &vector[0]
		messages[i].header.SetIovlen(2)
		if len(addr) > 0 {
			pinner.Pin(&addr[0])
			messages[i].header.Name, messages[i].header.Namelen = &addr[0], uint32(len(addr))
		}
	}
	number, n := uintptr(unix.SYS_SENDMSG), uintptr(0)
	if many {
		number, n = unix.SYS_SENDMMSG, uintptr(len(messages))
	}
	pinner.Pin(&messages[0])
	r, _, errno := unix.Syscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), n, 0, 0, 0)
	if errno != 0 || many && r != n {
		return fmt.Errorf("sent %d: %w", r, errno)
	}
	return nil
}

// flows sends to the port from so many new sockets, so many messages from each.
func flows(args []string) error {
	port, _ := strconv.Atoi(args[0])
	sockets, _ := strconv.Atoi(args[1])
	messages, _ := strconv.Atoi(args[2])
	to := &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	for range sockets {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		for range messages {
			if err := unix.Sendto(fd, []byte("x"), 0, to); err != nil {
				return err
			}
		}
		_ = unix.Close(fd)
	}
	return nil
}

// queries sends messages of 1 to so many bytes.
func queries(args []string) error {
	fd, _ := strconv.Atoi(args[0])
	n, _ := strconv.Atoi(args[1])
	for length := 1; length <= n; length++ {
		if _, err := unix.Write(fd, make([]byte, length)); err != nil {
			return err
		}
	}
	return nil
}

// talkLocally sends and receives through a pair of sockets.
func talkLocally(args []string) error {
	kind, _ := strconv.Atoi(args[0])
	pair, err := unix.Socketpair(unix.AF_UNIX, kind, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if err := unix.Sendto(pair[0], make([]byte, 100), 0, nil); err != nil {
		return err
	}
	_, _, err = unix.Recvfrom(pair[1], make([]byte, 100), 0)
	return err
}

// sends is what sending so many messages counts.
func sends(n uint32) map[Count]uint32 { return map[Count]uint32{CountSentMessages: n} }

func receives(n uint32) map[Count]uint32 { return map[Count]uint32{CountReceivedMessages: n} }

func receiving(number int, flags int) []string {
	return on("recvfrom", num(number), data(65536), num(65536), num(flags), num(0), num(0))
}

// receivingAll waits for so many bytes: they may come in pieces.
func receivingAll(number, n int) []string {
	return on("recvfrom", num(number), data(n), num(n), num(unix.MSG_WAITALL), num(0), num(0))
}

// traffic demands these bytes, too.
func (s *session) traffic(t *testing.T, sent, received, dns int, want map[Count]uint32, words []string) {
	t.Helper()
	c := s.expect(t, want, words[0], words[1:]...)
	assert.EqualValues(t, []int{sent, received, dns}, []int{int(c.SentBytes), int(c.ReceivedBytes), int(c.DNSBytes)}, "%q", words)
}

func TestBytesAndMessagesOfConnectionsAreCounted(t *testing.T) {
	net := network(t)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		for _, text := range []string{"127.0.0.1:7000", "[::1]:7000", "[::ffff:10.1.2.3]:7000"} {
			s := h.networked(t, net)
			s.listen(t, 100, text)
			s.socket(t, 200, text, unix.SOCK_STREAM)
			s.traffic(t, 0, 0, 0, connected(t, text), connecting(200, text, "0"))
			s.do(t, "keep", "201", "0", "accept4", num(100), num(0), num(0), num(0))
			for _, n := range []int{1, 1000, 60000} {
				s.traffic(t, n, 0, 0, sends(1), on("write", num(200), data(n), num(n)))
				s.traffic(t, 0, 0, 0, nil, receiving(201, unix.MSG_PEEK))
				s.traffic(t, 0, n, 0, receives(1), receivingAll(201, n))
				s.traffic(t, n, 0, 0, sends(1), on("sendto", num(201), data(n), num(n), num(0), num(0), num(0)))
				s.traffic(t, 0, n, 0, receives(1), receivingAll(200, n))
				s.traffic(t, n, 0, 0, sends(1), []string{"sendmsg", "200", "", strconv.Itoa(n)})
				s.traffic(t, 0, n, 0, receives(1), receivingAll(201, n))
			}
			s.traffic(t, 300, 0, 0, sends(2), []string{"sendmmsg", "200", "", "100", "", "200"})
			s.traffic(t, 0, 300, 0, receives(1), receivingAll(201, 300))
			s.traffic(t, 1, 0, 0, sends(1), on("write", num(200), data(1), num(1)))
			s.traffic(t, 0, 1, 0, receives(1), on("read", num(201), data(9), num(9)))
			s.traffic(t, 0, 0, 0, map[Count]uint32{}, []string{"call", "11", "recvfrom", num(201), data(9), num(9),
				num(unix.MSG_DONTWAIT), num(0), num(0)})
			s.close(t, 200)
			s.traffic(t, 0, 0, 0, nil, receiving(201, 0)) // the end
			s.close(t, 201, 100)
		}
	})
}

func TestBytesAndMessagesOfDatagramsAreCounted(t *testing.T) {
	net := network(t)
	flow := map[Count]uint32{CountUDPFlow: 1}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		for _, text := range []string{"127.0.0.1:7000", "[::1]:7000", "203.0.113.7:7000"} {
			s := h.networked(t, net)
			s.socket(t, 100, text, unix.SOCK_DGRAM)
			s.do(t, "call", append([]string{"0", "bind", num(100)}, sockaddr(text)...)...)
			s.socket(t, 200, text, unix.SOCK_DGRAM)
			to := sockaddr(text)
			s.traffic(t, 10, 0, 0, and(flow, sends(1)), on("sendto", append([]string{num(200), data(10), num(10), num(0)}, to...)...))
			s.traffic(t, 0, 0, 0, nil, receiving(100, unix.MSG_PEEK))
			s.traffic(t, 0, 10, 0, receives(1), receiving(100, 0))
			s.traffic(t, 11, 0, 0, sends(1), []string{"sendmsg", "200", to[0], "11"})
			s.traffic(t, 5, 0, 0, sends(2), []string{"sendmmsg", "200", to[0], "2", to[0], "3"})
			s.traffic(t, 0, 0, 0, sends(1), on("sendto", append([]string{num(200), num(0), num(0), num(0)}, to...)...))
			for _, n := range []int{11, 2, 3, 0} {
				s.traffic(t, 0, n, 0, receives(1), receiving(100, 0))
			}
			s.traffic(t, 0, 0, 0, nil, connecting(200, text, "0")) // where it sent to before
			s.traffic(t, 7, 0, 0, sends(1), on("write", num(200), data(7), num(7)))
			s.close(t, 200)
			s.socket(t, 200, text, unix.SOCK_DGRAM)
			s.traffic(t, 0, 0, 0, flow, connecting(200, text, "0"))
			s.traffic(t, 7, 0, 0, sends(1), on("write", num(200), data(7), num(7)))
			s.close(t, 200, 100)
		}
	})
}

func TestFlowsOfDatagramsAreCounted(t *testing.T) {
	net := network(t)
	counts := func(flows, messages uint32) map[Count]uint32 {
		return map[Count]uint32{CountUDPFlow: flows, CountSentMessages: messages}
	}
	a, b, c := sockaddr("127.0.0.1:7000")[0], sockaddr("127.0.0.1:7001")[0], sockaddr("127.0.0.2:7000")[0]
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		s.expect(t, counts(20, 60), "flows", "7000", "20", "3")
		s.socket(t, 200, "127.0.0.1:7000", unix.SOCK_DGRAM)
		s.expect(t, counts(3, 4), "sendmmsg", "200", a, "1", b, "1", c, "1", c, "1")
		s.expect(t, counts(3, 3), "sendmmsg", "200", a, "1", c, "1", a, "1")
		s.words(t, nil, connecting(200, "127.0.0.1:0", "0")) // as resolvers do
		s.close(t, 200)
		d, _ := s.distinct(t, "flows", "7000", "20", "1")
		assert.EqualValues(t, 1, d.Estimate(DistinctPorts))
		assert.EqualValues(t, 1, d.Estimate(DistinctAddresses))
	})
}

// Neither is from or to another machine.
func TestLocalSocketsHaveNoTraffic(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.session(t)
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET} {
			s.expect(t, nil, "socket pair", strconv.Itoa(kind))
		}
	})
}
