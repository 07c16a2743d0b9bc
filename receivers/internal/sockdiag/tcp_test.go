// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// states counts the sockets of the host, or skips where the kernel has no tcp_diag.
func states(t testing.TB, tcp *TCP) procfs.TCPStates {
	states, err := tcp.States()
	if err != nil {
		t.Skipf("no sock_diag here: %v", err)
	}
	return states
}

// text counts the same sockets in /proc/self/net/tcp and tcp6.
func text(t testing.TB) (states procfs.TCPStates) {
	var reader procfs.Reader
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		require.NoError(t, reader.ReadLines(path, states.Add))
	}
	return states
}

func TestStatesAgreeWithProcNetTCP(t *testing.T) {
	var tcp TCP
	before := states(t, &tcp)
	const connections = 700 // several parts of a dump
	openConnections(t, "127.0.0.1:0", connections)
	openConnections(t, "[::1]:0", 1)

	after := states(t, &tcp)

	assert.GreaterOrEqual(t, after[procfs.TCPEstablished], before[procfs.TCPEstablished]+2*connections)
	assert.GreaterOrEqual(t, after[procfs.TCPListen], uint64(2))
	assert.Eventually(t, func() bool { return states(t, &tcp) == text(t) }, time.Minute, time.Millisecond,
		"sockets of other programs come and go, but not always")
}

func openConnections(t testing.TB, address string, n int) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Logf("no sockets on %s: %v", address, err)
		return
	}
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	for range n {
		client, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		server, err := listener.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	}
}

func TestStatesDoNotAllocateOnceWarm(t *testing.T) {
	var tcp TCP
	states(t, &tcp)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = tcp.States() }))
}

func message(kind uint16, payload ...byte) []byte {
	m := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(payload))
	binary.NativeEndian.PutUint32(m, uint32(unix.SizeofNlMsghdr+len(payload)))
	binary.NativeEndian.PutUint16(m[4:], kind)
	return append(m, payload...)
}

func TestCount(t *testing.T) {
	noEntry := binary.NativeEndian.AppendUint32(nil, uint32(0x1_0000_0000-uint64(unix.ENOENT)))
	for _, tt := range []struct {
		name  string
		part  []byte
		want  procfs.TCPStates
		done  bool
		fails error
	}{
		{name: "an empty part is not the last"},
		{name: "the end", part: message(unix.NLMSG_DONE, 0, 0, 0, 0), done: true},
		{name: "a socket", part: message(tcpDiagGetSock, unix.AF_INET, 1, 0, 0),
			want: procfs.TCPStates{procfs.TCPEstablished: 1}},
		{name: "a request counts as SYN received", part: message(tcpDiagGetSock, unix.AF_INET, 12, 0, 0),
			want: procfs.TCPStates{procfs.TCPSynReceived: 1}},
		{name: "a state of the future is skipped", part: message(tcpDiagGetSock, unix.AF_INET, 200, 0, 0)},
		{name: "messages are padded to four bytes",
			part: append(append(message(tcpDiagGetSock, unix.AF_INET, 10), 0, 0),
				message(tcpDiagGetSock, unix.AF_INET6, 10, 0, 0)...),
			want: procfs.TCPStates{procfs.TCPListen: 2}},
		{name: "an error of the kernel", part: message(unix.NLMSG_ERROR, noEntry...), done: true, fails: unix.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got procfs.TCPStates
			done, err := count(tt.part, &got)
			require.ErrorIs(t, err, tt.fails)
			assert.Equal(t, tt.done, done)
			assert.Equal(t, tt.want, got)
		})
	}
}

func FuzzCount(f *testing.F) {
	f.Add(message(tcpDiagGetSock, unix.AF_INET, 1, 0, 0))
	f.Add(message(unix.NLMSG_ERROR, 1))
	f.Add(message(unix.NLMSG_DONE))
	f.Fuzz(func(t *testing.T, part []byte) {
		var got procfs.TCPStates
		_, _ = count(part, &got)
		total := uint64(0)
		for _, n := range got {
			total += n
		}
		assert.LessOrEqual(t, total, uint64(len(part)/unix.SizeofNlMsghdr))
	})
}

// BenchmarkStates compares with reading /proc/net/tcp and tcp6.
func BenchmarkStates(b *testing.B) {
	b.Run("sock_diag", func(b *testing.B) {
		var tcp TCP
		states(b, &tcp)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = tcp.States()
		}
	})
	b.Run("proc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			text(b)
		}
	})
}
