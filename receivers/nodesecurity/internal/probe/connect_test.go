// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// connected are the counters of a connection to the address, by what package classes says of it.
func connected(t *testing.T, text string) map[Count]uint32 {
	t.Helper()
	tables, err := testTables()
	require.NoError(t, err)
	of := netip.MustParseAddrPort(text)
	nets, ports := tables.MatchAddr(of.Addr()), tables.MatchPort(of.Port())
	counts := map[Count]uint32{CountConnect: 1}
	if nets == 0 {
		counts[CountConnectExternal] = 1
	}
	for class := range classes.NetworkClassNames() {
		if nets>>class&1 != 0 {
			counts[CountConnectNetClass+Count(class)] = 1
		}
	}
	for class := range classes.PortClassNames() {
		if ports>>class&1 != 0 {
			counts[CountConnectPortClass+Count(class)] = 1
		}
	}
	return counts
}

func refused() map[Count]uint32 {
	return map[Count]uint32{CountConnectFailed: 1, CountResetReceived: 1}
}

func TestConnectionsAreClassified(t *testing.T) {
	net := network(t)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		for _, text := range []string{
			"127.0.0.1:9", "127.1.2.3:9", "0.0.0.0:9", "10.1.2.3:9", "10.96.0.1:443", "172.16.0.1:9", "172.32.0.1:9", "192.168.1.1:9",
			"100.64.0.1:9", "198.18.0.1:9", "169.254.1.1:80", "169.254.169.254:80", "168.63.129.16:80", "100.100.100.200:80",
			"203.0.113.7:9", "8.8.8.8:443", "[::1]:9", "[::]:9", "[fd00::1]:9", "[fd00:ec2::254]:80", "[2001:db8::7]:9",
			"[fe80::1%1]:9", "[fe80::a9fe:a9fe%1]:80", "[::ffff:10.1.2.3]:9", "[::ffff:203.0.113.7]:22",
			"127.0.0.1:10250", "127.0.0.1:10255", "10.1.2.3:2379", "10.1.2.3:6443", "127.0.0.1:2375", "203.0.113.7:3333",
			"203.0.113.7:22", "10.1.2.3:53", "8.8.8.8:853", "127.0.0.1:8080",
		} {
			s.socket(t, 200, text, unix.SOCK_STREAM)
			s.words(t, and(connected(t, text), refused()), connecting(200, text, "111"))
			s.close(t, 200)
			s.socket(t, 200, text, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
			s.words(t, and(connected(t, text), refused()), connecting(200, text, "*"))
			s.words(t, nil, on("close", num(200)))
		}
	})
}

func TestConnectionsThatSucceedAreCounted(t *testing.T) {
	net := network(t)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		for _, text := range []string{"127.0.0.1:7000", "203.0.113.7:7000", "[::1]:7000", "[2001:db8::7]:7000"} {
			s.listen(t, 100, text)
			for _, how := range []struct {
				kind   int
				accept []string
			}{
				{unix.SOCK_STREAM, []string{"accept", num(100), num(0), num(0)}},
				{unix.SOCK_STREAM | unix.SOCK_NONBLOCK, []string{"accept4", num(100), num(0), num(0), num(unix.SOCK_CLOEXEC)}},
			} {
				s.socket(t, 200, text, how.kind)
				s.words(t, connected(t, text), connecting(200, text, "*"))
				s.expect(t, map[Count]uint32{CountAccept: 1}, "keep", append([]string{"201", "0"}, how.accept...)...)
				s.words(t, nil, connecting(200, text, "*")) // it is connected
				s.words(t, nil, on("close", num(200)))
				s.words(t, nil, on("close", num(201)))
			}
			s.words(t, nil, on("listen", num(100), num(5))) // it listens
			s.words(t, nil, on("close", num(100)))
		}
	})
}

func TestConnectionsThatCanNotStartHaveFailed(t *testing.T) {
	net := network(t)
	failed := map[Count]uint32{CountConnectFailed: 1}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		for text, errno := range map[string]string{
			"192.0.2.1:9": "113", "192.0.2.17:9": "22", "192.0.2.33:9": "13", "192.0.2.65:9": "101", "224.0.0.1:9": "101",
			"[2001:db8:1::1]:9": "101", "[ff02::1%1]:9": "101",
		} {
			want := and(failed, map[Count]uint32{})
			if errno == "13" {
				want[CountSyscallDenied] = 1
			}
			s.socket(t, 200, text, unix.SOCK_STREAM)
			s.words(t, want, connecting(200, text, errno))
			s.words(t, want, connecting(200, text, errno))
			there := "127.0.0.1:9"
			if text[0] == '[' {
				there = "[::1]:9"
			}
			s.words(t, and(connected(t, there), refused()), connecting(200, there, "111"))
			s.words(t, want, connecting(200, text, errno))
			s.close(t, 200)
			if errno != "22" {
				s.socket(t, 200, text, unix.SOCK_DGRAM) // nothing is sent
				s.do(t, "call", append([]string{"*", "connect", num(200)}, sockaddr(text)...)...)
				s.close(t, 200)
			}
		}
	})
}

// Two connections can not have the same addresses and ports on both sides; the kernel finds that out after the start.
func TestConnectionsThatFailAtTheStartAreCountedOnce(t *testing.T) {
	net := network(t)
	const peer, own = "127.0.0.1:7000", "127.0.0.1:7001"
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		s.listen(t, 100, peer)
		for number := 200; number < 202; number++ {
			s.socket(t, number, peer, unix.SOCK_STREAM)
			one := raw([]byte{1, 0, 0, 0})
			s.words(t, nil, on("setsockopt", num(number), num(unix.SOL_SOCKET), num(unix.SO_REUSEADDR), one, num(4)))
			s.words(t, nil, on("bind", append([]string{num(number)}, sockaddr(own)...)...))
		}
		s.words(t, connected(t, peer), connecting(200, peer, "0"))
		s.words(t, and(connected(t, peer), map[Count]uint32{CountConnectFailed: 1}), connecting(201, peer, "99"))
	})
}

func TestSegmentsThatGetLostAreSentAgain(t *testing.T) {
	net := network(t)
	const away = "198.51.100.1:9"
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		s.socket(t, 200, away, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
		s.words(t, connected(t, away), connecting(200, away, "115"))
		again := func() bool { return h.counted(t, s.dir).Counts[CountRetransmit] > 0 }
		require.Eventually(t, again, time.Minute, 10*time.Millisecond)
		counted := s.do(t, "call", "0", "close", num(200))
		assert.EqualValues(t, 1, counted.Counts[CountConnectFailed], "given up")
		assert.Zero(t, counted.Counts[CountConnect])
	})
}

func TestScansHaveManyPortsOrAddresses(t *testing.T) {
	net := network(t)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, net)
		d, counted := s.distinct(t, "scan", "127.0.0.1", "1", "21000", "200")
		assert.InDelta(t, 200, d.Estimate(DistinctPorts), 20)
		assert.EqualValues(t, 1, d.Estimate(DistinctAddresses))
		assert.EqualValues(t, 200, counted.Counts[CountConnectFailed])
		d, counted = s.distinct(t, "scan", "127.0.1.1", "50", "21000", "1")
		assert.InDelta(t, 50, d.Estimate(DistinctAddresses), 5)
		assert.EqualValues(t, 1, d.Estimate(DistinctPorts))
		assert.EqualValues(t, 50, counted.Counts[CountConnect])
		d, _ = s.distinct(t, "nothing")
		assert.Equal(t, Distinct{}, d)
	})
}

func TestConnectionsOfShellsInterpretersAndClientsAreCounted(t *testing.T) {
	net := network(t)
	shell, interpreter := map[Count]uint32{CountConnectShell: 1}, map[Count]uint32{CountConnectInterpreter: 1}
	odd := map[Count]uint32{CountConnectSSHOddPort: 1}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		for _, c := range []struct {
			name string
			port int
			want map[Count]uint32
		}{
			{"bash", 9, shell},
			{"python3.11", 9, interpreter},
			{"ssh", 22, nil},
			{"ssh", 2222, odd},
			{"ssh", 443, odd},
			{"other", 2222, nil},
		} {
			t.Run(fmt.Sprint(c.name, " ", c.port), func(t *testing.T) {
				s := h.networked(t, net, renamed(t, c.name))
				to := fmt.Sprint("127.0.0.1:", c.port)
				s.socket(t, 200, to, unix.SOCK_STREAM)
				s.words(t, and(connected(t, to), refused(), c.want), connecting(200, to, "111"))
			})
		}
	})
}
