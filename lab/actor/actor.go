// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Actor is a place to act in. Its methods may be called at the same time.
type Actor struct {
	ID     string // 64 hexadecimal digits: the container ID, unless it is a service
	Name   string
	Cgroup string // path of the cgroup, below the roots of the hierarchies
	Made   time.Time

	stage      *Stage
	privileged bool
	recorded   *os.File
	first      *exec.Cmd // the actor's process 1
	wire       wire
	ended      chan struct{} // closed when process 1 has ended

	mu      sync.Mutex // guards the rest, and keeps the order of messages
	number  int
	running map[int]*Process
	closed  bool
}

// Done is closed when the actor has ended.
func (a *Actor) Done() <-chan struct{} { return a.ended }

// PID is the number of the actor's process 1, as this process sees it.
func (a *Actor) PID() int { return a.first.Process.Pid }

// PIDs are the numbers of all processes in the actor's cgroup, as this process sees them.
func (a *Actor) PIDs() ([]int, error) { return a.stage.tree.processes(a.Cgroup) }

// begin starts process 1, lets it make its file system and network, and moves it into the cgroup when that is done, so that
// nothing of it counts for the actor.
func (a *Actor) begin(ctx context.Context, cfg Config) error {
	own, other, err := newWire()
	if err != nil {
		return err
	}
	defer func() { _ = other.Close() }()
	a.wire = own
	a.first = selfCommand(taskFirst)
	a.first.Args = []string{"init"}
	a.first.ExtraFiles = []*os.File{other}
	a.first.Stderr = os.Stderr
	a.first.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
	if cfg.NetworkOf == nil {
		a.first.SysProcAttr.Cloneflags |= unix.CLONE_NEWNET
		err = a.first.Start()
	} else {
		err = startInNetworkOf(cfg.NetworkOf.PID(), a.first)
	}
	if err != nil {
		a.first = nil
		return fmt.Errorf("start process 1: %w", err)
	}
	_ = other.Close() // else this process would not see its end
	go func() {
		_ = a.first.Wait()
		close(a.ended)
	}()
	// What does not answer in time is killed, and the answer is then that it has ended.
	defer context.AfterFunc(ctx, func() { _ = a.first.Process.Kill() })()
	if err = a.converse(&cfg); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return err
	}
	a.Made = time.Now()
	go a.listen()
	return nil
}

func (a *Actor) converse(cfg *Config) error {
	if err := a.wire.send(order{Setup: cfg}); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if _, err := a.wire.answer(); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if err := a.stage.tree.join(a.Cgroup, a.PID()); err != nil {
		return err
	}
	if err := a.wire.send(order{Join: true}); err != nil {
		return fmt.Errorf("join the cgroup: %w", err)
	}
	_, err := a.wire.answer()
	return err
}

// startInNetworkOf starts the command in the network of the process. A thread's network is inherited by what it starts.
func startInNetworkOf(pid int, cmd *exec.Cmd) error {
	network, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/net")
	if err != nil {
		return err
	}
	defer func() { _ = network.Close() }()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer func() { _ = own.Close() }()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = cmd.Start()
			if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread() // else the thread ends with this function
			}
		}
		failed <- err
	}()
	return <-failed
}

// Close kills all that runs in the actor and removes its cgroup.
func (a *Actor) Close() error {
	a.mu.Lock()
	closed := a.closed
	a.closed = true
	a.mu.Unlock()
	if closed {
		return nil
	}
	if a.first != nil {
		_ = a.first.Process.Kill()
		<-a.ended
	}
	if a.wire.conn != nil {
		_ = a.wire.conn.Close()
	}
	a.stage.mu.Lock()
	delete(a.stage.actors, a)
	a.stage.mu.Unlock()
	if err := a.stage.tree.remove(a.Cgroup); err != nil {
		return err // the record stays for the next Open
	}
	err := os.Remove(filepath.Join(a.stage.folder, a.ID))
	return errors.Join(err, a.recorded.Close())
}
