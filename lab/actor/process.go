// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Program says what to run in an actor.
type Program struct {
	// Path is absolute, or a name to look for in the directories of programs. Self is this program itself.
	Path string   `json:"path"`
	Args []string `json:"args,omitempty"` // without the name
	// Name is what the program is told as its own name; empty: Path.
	Name string   `json:"name,omitempty"`
	Env  []string `json:"env,omitempty"` // beside PATH, HOME and HOSTNAME
	Dir  string   `json:"dir,omitempty"` // empty: /
	UID  uint32   `json:"uid,omitempty"` // of user and group
	// Entered starts it from outside, as a container engine's exec does, not from the actor's process 1.
	Entered bool `json:"-"`
	// The standard streams; nil: /dev/null. The actor gets copies.
	Stdin, Stdout, Stderr *os.File `json:"-"`
}

// Process is a program that runs in an actor, in a session of its own.
type Process struct {
	PID int // inside the actor

	actor   *Actor
	hostPID int           // of one that was entered
	started chan error    // gets one value when it runs, or does not
	done    chan struct{} // closed when it has ended
	status  syscall.WaitStatus
	lost    error // why status is not known
}

// Start starts the program.
func (a *Actor) Start(ctx context.Context, p Program) (*Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }()
	streams := []*os.File{p.Stdin, p.Stdout, p.Stderr}
	for i := range streams {
		if streams[i] == nil {
			streams[i] = null
		}
	}
	process := &Process{actor: a, started: make(chan error, 1), done: make(chan struct{})}
	if p.Entered {
		return process, process.enter(ctx, p, streams)
	}
	a.mu.Lock()
	a.number++
	number := a.number
	if err = a.gone(); err == nil {
		err = a.wire.send(order{Start: &startOrder{Number: number, Program: &p}}, streams...)
	}
	if err == nil {
		a.running[number] = process
	}
	a.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Path, err)
	}
	select {
	case err = <-process.started:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Path, err)
	}
	return process, nil
}

func (a *Actor) gone() error {
	select {
	case <-a.ended:
		return errors.New("the actor has ended")
	default:
		return nil
	}
}

// listen hears what process 1 has to tell until it ends.
func (a *Actor) listen() {
	for {
		var n news
		_, err := a.wire.receive(&n)
		a.mu.Lock()
		if err != nil {
			for _, p := range a.running {
				p.lost = errors.New("the actor has ended")
				select {
				case p.started <- p.lost:
				default: // it has been started
				}
				close(p.done)
			}
			clear(a.running)
			a.mu.Unlock()
			return
		}
		if p := a.running[n.Number]; p != nil {
			switch {
			case n.Failed != "":
				p.started <- errors.New(n.Failed)
				delete(a.running, n.Number)
			case n.Status != nil:
				p.status = syscall.WaitStatus(*n.Status)
				close(p.done)
				delete(a.running, n.Number)
			default:
				p.PID = n.PID
				p.started <- nil
			}
		}
		a.mu.Unlock()
	}
}

// Wait waits until the program has ended, or kills it when the context is done first, and returns how it ended.
func (p *Process) Wait(ctx context.Context) (syscall.WaitStatus, error) {
	select {
	case <-p.done:
	case <-ctx.Done():
		if err := p.Signal(unix.SIGKILL); err != nil {
			return 0, errors.Join(ctx.Err(), err)
		}
		<-p.done
		return p.status, ctx.Err()
	}
	return p.status, p.lost
}

// Signal sends a signal to the program's process group.
func (p *Process) Signal(signal unix.Signal) error {
	if p.hostPID != 0 {
		if err := unix.Kill(-p.hostPID, signal); !errors.Is(err, unix.ESRCH) {
			return err
		}
		return nil
	}
	p.actor.mu.Lock()
	defer p.actor.mu.Unlock()
	if err := p.actor.gone(); err != nil {
		return err
	}
	return p.actor.wire.send(order{Signal: &sendSignal{PID: p.PID, Signal: int(signal)}})
}

// HostPID is the number of the process as this process sees it; 0 if it has ended.
func (p *Process) HostPID() (int, error) {
	pids, err := p.actor.PIDs()
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		if innerPID(pid) == p.PID {
			return pid, nil
		}
	}
	return 0, nil
}

// innerPID is the number of a process in its own namespace; 0 if it has ended.
func innerPID(pid int) int {
	file, err := os.Open("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if numbers, ok := strings.CutPrefix(lines.Text(), "NSpid:"); ok {
			words := strings.Fields(numbers)
			inner, _ := strconv.Atoi(words[len(words)-1])
			return inner
		}
	}
	return 0
}
