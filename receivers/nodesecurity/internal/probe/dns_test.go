// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

func TestQueriesOfNamesAreCounted(t *testing.T) {
	net := network(t)
	asks := func(n uint32) map[Count]uint32 { return map[Count]uint32{CountDNSQuery: n, CountSentMessages: n} }
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		for _, text := range []string{"127.0.0.1:53", "10.1.2.3:5353", "[::1]:53"} {
			to := sockaddr(text)
			s.socket(t, 100, text, unix.SOCK_DGRAM)
			s.do(t, "call", append([]string{"0", "bind", num(100)}, to...)...)

			s.socket(t, 200, text, unix.SOCK_DGRAM)
			s.traffic(t, 0, 0, 0, nil, connecting(200, text, "0"))
			s.traffic(t, 30, 0, 30, asks(1), on("write", num(200), data(30), num(30)))
			s.traffic(t, 31, 0, 31, asks(1), on("sendto", num(200), data(31), num(31), num(0), num(0), num(0)))
			s.traffic(t, 32, 0, 32, asks(1), []string{"sendmsg", "200", "", "32"})
			s.traffic(t, 33, 0, 33, asks(1), []string{"sendmsg", "200", to[0], "33"}) // once, though it names the receiver
			s.traffic(t, 70, 0, 70, asks(2), []string{"sendmmsg", "200", "", "34", "", "36"})
			s.close(t, 200)

			s.socket(t, 200, text, unix.SOCK_DGRAM)
			s.traffic(t, 40, 0, 40, asks(1), on("sendto", append([]string{num(200), data(40), num(40), num(0)}, to...)...))
			s.traffic(t, 41, 0, 41, asks(1), []string{"sendmsg", "200", to[0], "41"})
			s.traffic(t, 85, 0, 85, asks(2), []string{"sendmmsg", "200", to[0], "42", to[0], "43"})
			s.close(t, 200)
			s.close(t, 100)
		}
	})
}

func TestAnswersAndOtherPortsAreNoQueries(t *testing.T) {
	net := network(t)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		server, client := sockaddr("127.0.0.1:53"), sockaddr("127.0.0.1:7000")
		for number, of := range map[int][]string{100: server, 200: client} {
			s.socket(t, number, "127.0.0.1:53", unix.SOCK_DGRAM)
			s.do(t, "call", append([]string{"0", "bind", num(number)}, of...)...)
		}
		answer := map[Count]uint32{CountSentMessages: 1, CountUDPFlow: 1}
		s.traffic(t, 50, 0, 0, answer, []string{"sendmsg", "100", client[0], "50"})
		s.traffic(t, 0, 50, 0, receives(1), receiving(200, 0))

		// Over TCP it is a connection to a port of the class.
		s.listen(t, 101, "127.0.0.1:53")
		s.socket(t, 201, "127.0.0.1:53", unix.SOCK_STREAM)
		s.traffic(t, 0, 0, 0, connected(t, "127.0.0.1:53"), connecting(201, "127.0.0.1:53", "0"))
		s.traffic(t, 60, 0, 0, sends(1), on("write", num(201), data(60), num(60)))
	})
}

func TestLengthsOfQueriesAreEstimated(t *testing.T) {
	net := network(t)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		s.socket(t, 100, "127.0.0.1:53", unix.SOCK_DGRAM)
		s.do(t, "call", append([]string{"0", "bind", num(100)}, sockaddr("127.0.0.1:53")...)...)
		s.socket(t, 200, "127.0.0.1:53", unix.SOCK_DGRAM)
		s.do(t, "call", append([]string{"0", "connect", num(200)}, sockaddr("127.0.0.1:53")...)...)
		d, c := s.distinct(t, "queries", "200", "40")
		assert.InDelta(t, 40, d.Estimate(DistinctDNSLengths), 4)
		assert.EqualValues(t, 40*41/2, c.DNSBytes)
		d, c = s.distinct(t, "repeat", append([]string{"40"}, on("write", num(200), data(25), num(25))...)...)
		assert.EqualValues(t, 1, d.Estimate(DistinctDNSLengths))
		assert.EqualValues(t, 40, c.Counts[CountDNSQuery])
	})
}
