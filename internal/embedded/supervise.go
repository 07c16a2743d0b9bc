// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A server that was ready once and then ends by itself is started again: what it had acknowledged is on disk, and
// its clients have to try again anyway. It is given up when it ends soon after its start maxFailures times in a row.
const (
	maxFailures = 3
	soon        = 10 * time.Second
)

// supervise runs the server's own process until the parent, or a signal, asks for its end.
func supervise(task childTask, parent *parentWatch) error {
	// The parent-death signal is sent when the thread that forked ends, not the process: keep that thread.
	runtime.LockOSThread()
	lock := os.NewFile(lockFD, "lock")
	for failures := 0; ; {
		began := time.Now()
		s, err := startServer(task, lock)
		if err != nil {
			return fmt.Errorf("start ClickHouse: %w", err)
		}
		select {
		case <-parent.stop:
			s.shutDown()
			return nil
		case err = <-s.ended:
		}
		if time.Since(began) < soon {
			failures++
		} else {
			failures = 1
		}
		if !parent.ready.Load() || failures == maxFailures {
			return errors.Join(errors.New("ClickHouse ended by itself"), err)
		}
		fmt.Fprintf(os.Stderr, "ClickHouse ended by itself (%v) and is started again\n", err)
	}
}

// serverProcess is the process in which ClickHouse runs.
type serverProcess struct {
	cmd   *exec.Cmd
	alive *os.File // libchdb: write end of its stop pipe; a binary has none
	ended chan error
}

// startServer starts the clickhouse binary, or this executable once more for libchdb: when ClickHouse crashes, the
// gate and its listeners stay.
func startServer(task childTask, lock *os.File) (*serverProcess, error) {
	s := &serverProcess{ended: make(chan error, 1)}
	var err error
	if task.Binary != "" {
		s.cmd = binaryCommand(task, lock)
		err = s.cmd.Start()
	} else {
		err = s.startLibrary(task, lock)
	}
	if err != nil {
		return nil, err
	}
	go func() { s.ended <- s.cmd.Wait() }()
	return s, nil
}

// binaryCommand is `clickhouse server`, which the kernel kills should this process be killed.
func binaryCommand(task childTask, lock *os.File) *exec.Cmd {
	cmd := exec.Command(task.Binary, "server", "--config-file="+task.Config)
	cmd.Env = append(os.Environ(), "CLICKHOUSE_WATCHDOG_ENABLE=0") // or it forks once more, out of our sight
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{lock} // the folder stays locked as long as the server lives
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// startLibrary starts a process that runs serveLibrary.
func (s *serverProcess) startLibrary(task childTask, lock *os.File) error {
	task.Gate, task.Supervised = nil, true
	text, err := json.Marshal(task)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	stop, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = stop.Close() }()
	s.alive = alive
	s.cmd = exec.Command(self)
	s.cmd.Args = []string{"nodesec-libchdb", task.Folder} // what ps shows
	s.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	s.cmd.Stdout, s.cmd.Stderr = os.Stdout, os.Stderr
	s.cmd.ExtraFiles = []*os.File{stopFD - 3: stop, lockFD - 3: lock}
	if err := s.cmd.Start(); err != nil {
		_ = alive.Close()
		return err
	}
	return nil
}

// shutDown asks the process to end, kills it when it takes too long, and waits for its end.
func (s *serverProcess) shutDown() {
	if s.alive != nil {
		_ = s.alive.Close()
	} else {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-s.ended: //nolint:errcheck // how it ended does not matter any more
	case <-time.After(shutdownGrace):
		_ = s.cmd.Process.Kill()
		<-s.ended //nolint:errcheck // as above
	}
}
