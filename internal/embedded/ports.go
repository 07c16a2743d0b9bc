// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrPortInUse is wrapped by the error of Start for a port that another program has.
var ErrPortInUse = errors.New("port in use")

// errChosenPortTaken says that a port that was free when we chose it was not any more when the server wanted it.
var errChosenPortTaken = errors.New("a chosen port was taken by another program")

// address is where ClickHouse itself listens.
type address struct {
	host      string
	tcp, http int
}

// doors are the listeners on the ports that clients use.
type doors struct{ tcp, http *net.TCPListener }

// openDoors opens the ports that o names, else those of last, else free ones.
func openDoors(o Options, last Info) (*doors, error) {
	tcp, err := listen(o.Listen, o.TCPPort, last.TCPPort)
	if err != nil {
		return nil, fmt.Errorf("native protocol: %w (choose another with --tcp-port)", err)
	}
	http, err := listen(o.Listen, o.HTTPPort, last.HTTPPort)
	if err != nil {
		_ = tcp.Close()
		return nil, fmt.Errorf("HTTP: %w (choose another with --http-port)", err)
	}
	return &doors{tcp: tcp.(*net.TCPListener), http: http.(*net.TCPListener)}, nil
}

// close gives the ports back, unless a child holds them too.
func (d *doors) close() { _, _ = d.tcp.Close(), d.http.Close() }

// files are copies of the listeners for a child.
func (d *doors) files() (tcp, http *os.File, err error) {
	if tcp, err = d.tcp.File(); err != nil {
		return nil, nil, err
	}
	if http, err = d.http.File(); err != nil {
		_ = tcp.Close()
		return nil, nil, err
	}
	return tcp, http, nil
}

// address is that of the doors.
func (d *doors) address() address {
	tcp, http := d.tcp.Addr().(*net.TCPAddr), d.http.Addr().(*net.TCPAddr)
	return address{host: tcp.IP.String(), tcp: tcp.Port, http: http.Port}
}

// chooseInner finds an address for a ClickHouse behind a gate: one of the 16 million of the loopback network, where
// nobody looks for a server.
func chooseInner() (address, error) {
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	d, err := openDoors(Options{Listen: host}, Info{})
	if err != nil {
		return address{}, err
	}
	d.close()
	return d.address(), nil
}

// listen opens the port asked for, else the preferred one where it is free, else any.
func listen(host string, asked, preferred int) (net.Listener, error) {
	if asked == 0 && preferred != 0 {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(preferred))); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(asked)))
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %d on %s", ErrPortInUse, asked, host)
	}
	return l, err
}

// portTaken marks the error of a start that failed because a port was taken after it had been found free: worth
// another choice.
func portTaken(err error) error {
	if !strings.Contains(err.Error(), "Address already in use") {
		return err
	}
	return errors.Join(errChosenPortTaken, err)
}
