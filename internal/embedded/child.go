// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// childVariable names the environment variable that makes a process the server's: it holds a childTask.
const childVariable = "NODESEC_EMBEDDED_SERVER"

// Descriptors that the child inherits.
const (
	stopFD = 3 // read end of the pipe whose write end is the parent's
	lockFD = 4 // the data folder's lock file, locked
	tcpFD  = 5 // with a gate: listens where clients of the native protocol connect
	httpFD = 6 // with a gate: the same for HTTP
)

// shutdownGrace is how long ClickHouse may take to shut down before it is killed. It writes nothing that it has
// acknowledged only then, so a kill loses no more than time at the next start.
const shutdownGrace = 20 * time.Second

// childTask tells the child what to run: Library or Binary.
type childTask struct {
	Library string `json:"library,omitempty"`
	Binary  string `json:"binary,omitempty"`
	Config  string `json:"config"`
	Folder  string `json:"folder"` // the data folder
	// Gate is nil where ClickHouse itself listens for clients.
	Gate *gateTask `json:"gate,omitempty"`
	// Supervised says that this is the child's child, in which libchdb runs.
	Supervised bool `json:"supervised,omitempty"`
}

// RunChildIfAsked turns this process into the server's when Start made it for that, and then does not return.
// Otherwise it does nothing. It must come first in main, or TestMain, of programs that call Start.
func RunChildIfAsked() {
	text := os.Getenv(childVariable)
	if text == "" {
		return
	}
	if err := runChild(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runChild runs ClickHouse until the parent, or a signal, ends it.
func runChild(text string) error {
	var task childTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		return fmt.Errorf("decode %s: %w", childVariable, err)
	}
	if err := os.Unsetenv(childVariable); err != nil {
		return err
	}
	unix.CloseOnExec(stopFD) // children get these by name or not at all
	unix.CloseOnExec(lockFD)
	parent := watchParent(os.NewFile(stopFD, "stop pipe"))
	if task.Supervised {
		return serveLibrary(task, parent.stop)
	}
	if task.Gate != nil {
		g, err := inheritGate(*task.Gate)
		if err != nil {
			return err
		}
		go func() {
			<-parent.stop
			_ = g.close()
		}()
	}
	return supervise(task, parent)
}

// inheritGate opens the gate on the listeners that the parent has passed on.
func inheritGate(task gateTask) (*gate, error) {
	var listeners [2]net.Listener
	for i, fd := range []uintptr{tcpFD, httpFD} {
		file := os.NewFile(fd, "listener")
		l, err := net.FileListener(file)
		if err != nil {
			return nil, fmt.Errorf("inherit a port: %w", err)
		}
		_ = file.Close()
		listeners[i] = l
	}
	return newGate(task, listeners[0], listeners[1]), nil
}

// parentWatch is what the parent tells through the pipe.
type parentWatch struct {
	stop  chan struct{} // closed when the parent has closed its end, or ended, or when a signal asks for the end
	ready atomic.Bool   // set by the parent's only byte: the server has answered
}

// watchParent reads the pipe, and catches the signals that ask for the end.
func watchParent(pipe *os.File) *parentWatch {
	w := &parentWatch{stop: make(chan struct{})}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if _, err := pipe.Read(make([]byte, 1)); err == nil {
			w.ready.Store(true)
			_, _ = io.Copy(io.Discard, pipe) // returns when the pipe has no writer left
		}
	}()
	go func() {
		select {
		case <-closed:
		case <-signals:
		}
		close(w.stop)
	}()
	return w
}
