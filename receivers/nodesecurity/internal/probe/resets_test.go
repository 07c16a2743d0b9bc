// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pair is a connection between two cgroups: 200 of the client is connected to 201 of the server.
func (h *host) pair(t *testing.T, net, text string) (client, server *session) {
	t.Helper()
	client, server = h.networked(t, net), h.networked(t, net)
	server.listen(t, 100, text)
	client.socket(t, 200, text, unix.SOCK_STREAM)
	client.words(t, connected(t, text), connecting(200, text, "0"))
	server.expect(t, map[Count]uint32{CountAccept: 1}, "keep", "201", "0", "accept4", num(100), num(0), num(0), num(0))
	server.close(t, 100)
	return client, server
}

// linger makes closing a socket reset its connection.
func (s *session) linger(t *testing.T, number int) {
	t.Helper()
	now := raw([]byte{1, 0, 0, 0, 0, 0, 0, 0})
	s.words(t, nil, on("setsockopt", num(number), num(unix.SOL_SOCKET), num(unix.SO_LINGER), now, num(8)))
}

// receivedReset demands that a reset was received, by whomever the processor was taken from for it.
func (s *session) receivedReset(t *testing.T) {
	t.Helper()
	arrived := func() bool {
		return s.h.counted(t, s.dir).Counts[CountResetReceived] > s.before.Counts[CountResetReceived]
	}
	require.Eventually(t, arrived, 10*time.Second, time.Millisecond)
	s.expect(t, map[Count]uint32{CountResetReceived: 1}, "nothing")
}

func TestResetsAreCountedForTheOwnersOfSockets(t *testing.T) {
	net := network(t)
	sent := map[Count]uint32{CountResetSent: 1}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		for _, text := range []string{"127.0.0.1:7000", "[2001:db8::7]:7000"} {
			client, server := h.pair(t, net, text)
			client.linger(t, 200)
			client.words(t, sent, on("close", num(200)))
			server.receivedReset(t)
			server.words(t, nil, on("close", num(201)))

			client, server = h.pair(t, net, text)
			server.linger(t, 201)
			server.words(t, sent, on("close", num(201)))
			client.receivedReset(t)
			client.words(t, nil, on("close", num(200)))

			// What nobody has read is reset, too.
			client, server = h.pair(t, net, text)
			client.words(t, sends(1), on("write", num(200), data(10), num(10)))
			server.words(t, sent, on("close", num(201)))
			client.receivedReset(t)

			client, server = h.pair(t, net, text)
			client.words(t, nil, on("close", num(200)))
			server.words(t, nil, on("close", num(201)))
		}
	})
}

// Else another socket at the same place in memory would inherit its owner.
func TestSocketsAreForgottenWhenTheyAreFreed(t *testing.T) {
	net := network(t)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		known := func() (n int) {
			var key uint64
			var value [16]byte
			for iterator := h.probe.maps["sockets"].Iterate(); iterator.Next(&key, &value); {
				n++
			}
			return n
		}
		before := known()
		s := h.networked(t, net)
		s.do(t, "scan", "127.0.0.1", "1", "21000", "500")
		assert.Less(t, known()-before, 250)
	})
}
