// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Server is a running server. Its methods may be called at the same time.
type Server struct {
	info    Info
	options Options
	output  string // path of what the process prints
	cmd     *exec.Cmd
	alive   *os.File // write end of the child's stop pipe: the child ends when it is closed
	stop    sync.Once
	done    chan struct{} // closed when the process has ended
	exit    error         // of the process, set before done is closed
}

// launch starts the child that runs e on the address own. The child keeps the lock of f, and d if it runs a gate.
func launch(o Options, f *folder, e engine, d *doors, own address) (*Server, error) {
	output, err := os.OpenFile(f.file("log", "output.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, noSpace(err, f.path)
	}
	defer func() { _ = output.Close() }()
	stop, alive, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = stop.Close() }()

	cmd, err := childCommand(o, f, e, own)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{stopFD - 3: stop, lockFD - 3: f.lock}
	if e.library != "" {
		tcp, http, err := d.files()
		if err != nil {
			return nil, err
		}
		defer func() { _, _ = tcp.Close(), http.Close() }()
		cmd.ExtraFiles = append(cmd.ExtraFiles, tcp, http) // tcpFD, httpFD
	}
	// A process group of its own: Ctrl-C in a terminal is for the parent, which then stops the server in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_ = alive.Close()
		return nil, err
	}
	door := d.address()
	s := &Server{
		info:    Info{PID: cmd.Process.Pid, Listen: o.Listen, TCPPort: door.tcp, HTTPPort: door.http, User: o.User},
		options: o, output: output.Name(), cmd: cmd, alive: alive, done: make(chan struct{}),
	}
	go func() {
		s.exit = cmd.Wait()
		waitGroup(cmd.Process.Pid) // a supervised server may outlive its supervisor by a moment
		close(s.done)
	}()
	return s, nil
}

// childCommand is this executable as the server's process.
func childCommand(o Options, f *folder, e engine, own address) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	task := childTask{Library: e.library, Binary: e.binary, Config: f.file("config", "server.xml"), Folder: f.path}
	if e.library != "" {
		task.Gate = &gateTask{
			Native:         net.JoinHostPort(own.host, strconv.Itoa(own.tcp)),
			HTTP:           net.JoinHostPort(own.host, strconv.Itoa(own.http)),
			User:           o.User,
			PasswordSHA256: hashPassword(o.Password),
		}
	}
	text, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Args = []string{"nodesec-clickhouse", f.path} // what ps shows
	// clickhouse-local takes the time zone from TZ, not from its configuration.
	cmd.Env = append(os.Environ(), childVariable+"="+string(text), "TZ=UTC")
	cmd.Dir = f.file("clickhouse")
	return cmd, nil
}

// waitGroup waits, a few seconds at most, until no process of the group is left.
func waitGroup(group int) {
	for range 100 {
		if errors.Is(unix.Kill(-group, 0), unix.ESRCH) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Info returns the addresses of the server.
func (s *Server) Info() Info { return s.info }

// Done returns a channel that is closed when the server's process has ended, whatever the reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop shuts the server down and waits for its end; the data stays. A server that does not shut down in time is
// killed, which is an error. Stopping a stopped server does nothing.
func (s *Server) Stop() error {
	s.stop.Do(func() { _ = s.alive.Close() })
	select {
	case <-s.done:
		return nil
	case <-time.After(shutdownGrace + 5*time.Second): // the child's own limit comes first
	}
	return errors.Join(fmt.Errorf("ClickHouse on %s did not shut down in time and was killed", s.options.Path), s.Kill())
}

// Kill ends the server at once, as a crash would (SIGKILL to every process of it), and waits for its end.
func (s *Server) Kill() error {
	defer s.stop.Do(func() { _ = s.alive.Close() })
	select {
	case <-s.done: // its number may be another's by now
		return nil
	default:
	}
	if err := unix.Kill(-s.cmd.Process.Pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill ClickHouse: %w", err)
	}
	<-s.done
	return nil
}
