// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func socketActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{"scan": scan, "stdio": replaceStdio}
}

// scan tries to connect to so many addresses from the first on, and there to so many ports from the first on.
func scan(args []string) error {
	addr := netip.MustParseAddr(args[0])
	addresses, _ := strconv.Atoi(args[1])
	first, _ := strconv.Atoi(args[2])
	ports, _ := strconv.Atoi(args[3])
	for range addresses {
		for port := first; port < first+ports; port++ {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			err = unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: addr.As4()})
			_ = unix.Close(fd)
			if err != unix.ECONNREFUSED {
				return fmt.Errorf("connect to %v: %w", addr, err)
			}
		}
		addr = addr.Next()
	}
	return nil
}

// replaceStdio does a call of the dup family with a socket of the family.
func replaceStdio(args []string) error {
	of, _ := strconv.Atoi(args[0])
	fd, err := unix.Socket(of, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if args[1] == "dup" {
		if err := unix.Close(0); err != nil {
			return err
		}
	}
	_, err = rawCall(append([]string{"0", args[1], num(fd)}, args[2:]...))
	return err
}

func TestSocketsAsStandardStreamsAreCounted(t *testing.T) {
	const ip, ip6, local = unix.AF_INET, unix.AF_INET6, unix.AF_UNIX
	onEachHierarchy(t, func(t *testing.T, h *host) {
		for _, c := range []struct {
			family int
			call   []string
			want   uint32
		}{
			{ip, []string{"dup2", num(0)}, 1}, {ip, []string{"dup2", num(1)}, 1}, {ip6, []string{"dup2", num(2)}, 1},
			{ip, []string{"dup3", num(0), num(0)}, 1}, {ip6, []string{"dup3", num(1), num(0)}, 1},
			{ip, []string{"dup3", num(2), num(unix.O_CLOEXEC)}, 1}, {ip, []string{"dup"}, 1},
			{ip, []string{"dup2", num(50)}, 0}, {ip, []string{"dup3", num(50), num(0)}, 0}, {local, []string{"dup"}, 0},
			{local, []string{"dup3", num(0), num(0)}, 0}, {local, []string{"dup2", num(0)}, 0},
		} {
			if !slices.Contains(syscallNames(), c.call[0]) {
				continue
			}
			h.expect(t, map[Count]uint32{CountStdioSocket: c.want}, "stdio", append([]string{strconv.Itoa(c.family)}, c.call...)...)
		}
	})
}

func TestRawAndPacketSocketsAreCounted(t *testing.T) {
	const all = 0x300 // ETH_P_ALL in network order
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.networked(t, network(t))
		for _, c := range []struct {
			family, kind, protocol int
			want                   map[Count]uint32
		}{
			{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, map[Count]uint32{CountRawSocket: 1}},
			{unix.AF_INET, unix.SOCK_RAW | unix.SOCK_CLOEXEC, unix.IPPROTO_RAW, map[Count]uint32{CountRawSocket: 1}},
			{unix.AF_INET6, unix.SOCK_RAW | unix.SOCK_NONBLOCK, unix.IPPROTO_ICMPV6, map[Count]uint32{CountRawSocket: 1}},
			{unix.AF_PACKET, unix.SOCK_RAW, all, map[Count]uint32{CountPacketSocket: 1}},
			{unix.AF_PACKET, unix.SOCK_DGRAM, all, map[Count]uint32{CountPacketSocket: 1}},
			{unix.AF_INET, unix.SOCK_STREAM, 0, nil},
			{unix.AF_INET6, unix.SOCK_DGRAM, 0, nil},
			{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, nil},
			{unix.AF_UNIX, unix.SOCK_RAW, 0, nil},
		} {
			s.words(t, c.want, opening("socket", num(c.family), num(c.kind), num(c.protocol)))
		}
		s.expect(t, nil, "open", "93", "socket", num(unix.AF_INET), num(unix.SOCK_RAW), num(0))
	})
}

// unixAddress is a struct sockaddr_un and its length.
func unixAddress(path string) []string {
	b := binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX)
	b = append(append(b, path...), 0)
	return []string{raw(b), num(len(b))}
}

func TestConnectionsToRuntimeSocketsAreCounted(t *testing.T) {
	runtimes := map[Count]uint32{CountConnectRuntimeSocket: 1}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		s.do(t, "put", "/run/containerd/s/", "/srv/", "/mounted", "/run/docker.sock.d/")
		for name, want := range map[string]map[Count]uint32{
			"/run/docker.sock": runtimes, "/srv/containerd.sock": runtimes, "/run/containerd/s/0123": runtimes,
			"/srv/podman.sock": runtimes, "/srv/app.sock": nil, "/run/docker.sock.d/x": nil,
		} {
			s.expect(t, nil, "keep", "100", "0", "socket", num(unix.AF_UNIX), num(unix.SOCK_STREAM), num(0))
			s.do(t, "call", append([]string{"0", "bind", num(100)}, unixAddress(name)...)...)
			s.words(t, nil, append([]string{"open", "0", "socket"}, num(unix.AF_UNIX), num(unix.SOCK_STREAM), num(0)))
			connect := func(errno string, want map[Count]uint32, name string) {
				s.expect(t, nil, "keep", "200", "0", "socket", num(unix.AF_UNIX), num(unix.SOCK_STREAM), num(0))
				s.words(t, want, append([]string{"call", errno, "connect", num(200)}, unixAddress(name)...))
				s.close(t, 200)
			}
			connect("111", nil, name) // nobody listens
			s.words(t, nil, on("listen", num(100), num(5)))
			connect("0", want, name)
			s.do(t, "chdir", filepath.Dir(name))
			connect("0", want, "./"+filepath.Base(name))
			if name == "/run/docker.sock" {
				s.do(t, "bind", name, "/mounted")
				connect("0", want, "/mounted")
			}
			s.close(t, 100)
		}
	})
}
