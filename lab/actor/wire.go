// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// order is what the maker tells an actor's process 1.
type order struct {
	Setup  *Config     `json:"setup,omitempty"`  // the first one
	Join   bool        `json:"join,omitempty"`   // the second one: you are in your cgroup
	Start  *startOrder `json:"start,omitempty"`  // the standard streams come with it
	Signal *sendSignal `json:"signal,omitempty"` // to a process group
}

type startOrder struct {
	Number  int      `json:"number"`
	Program *Program `json:"program"`
}

type sendSignal struct {
	PID    int `json:"pid"`
	Signal int `json:"signal"`
}

// news is what process 1 tells its maker.
type news struct {
	Ready  bool   `json:"ready,omitempty"`
	Failed string `json:"failed,omitempty"` // the set-up, or the start of Number
	Number int    `json:"number,omitempty"`
	PID    int    `json:"pid,omitempty"`    // Number is running
	Status *int   `json:"status,omitempty"` // Number ended, with the status that wait(2) gives
}

// wire carries messages with their ends, and descriptors beside them.
type wire struct{ conn *net.UnixConn }

// maxMessage bounds a message; the files of an actor's set-up are the most that is in one.
const maxMessage = 1 << 20

func newWire() (own wire, other *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return own, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	_ = unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 2*maxMessage)
	other = os.NewFile(uintptr(fds[1]), "actor")
	own, err = wireOf(os.NewFile(uintptr(fds[0]), "maker"))
	if err != nil {
		_ = other.Close()
	}
	return own, other, err
}

// wireOf takes the socket over.
func wireOf(socket *os.File) (wire, error) {
	defer func() { _ = socket.Close() }()
	conn, err := net.FileConn(socket)
	if err != nil {
		return wire{}, fmt.Errorf("use the socket: %w", err)
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return wire{}, errors.New("use the socket: not of the Unix family")
	}
	return wire{u}, nil
}

func (w wire) send(message any, files ...*os.File) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(text) > maxMessage {
		return fmt.Errorf("a message of %d bytes, at most %d go", len(text), maxMessage)
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err = w.conn.WriteMsgUnix(text, rights, nil)
	return err
}

// receive returns io.EOF when the other side has ended.
func (w wire) receive(message any) (files []*os.File, err error) {
	text, control := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(3*4))
	n, c, _, _, err := w.conn.ReadMsgUnix(text, control)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	parts, err := syscall.ParseSocketControlMessage(control[:c])
	if err != nil {
		return nil, err
	}
	for i := range parts {
		fds, err := syscall.ParseUnixRights(&parts[i])
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, json.Unmarshal(text[:n], message)
}

// answer waits for news that all is well.
func (w wire) answer() (n news, err error) {
	if _, err := w.receive(&n); err != nil {
		return n, fmt.Errorf("the other side has ended: %w", err)
	}
	if n.Failed != "" {
		return n, errors.New(n.Failed)
	}
	return n, nil
}
