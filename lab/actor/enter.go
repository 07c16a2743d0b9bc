// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// entry is what the helper is told: which actor to enter, and what to run there.
type entry struct {
	First int    `json:"first"` // process 1
	Host  string `json:"host"`
	// Privileged leaves all capabilities.
	Privileged bool     `json:"privileged,omitempty"`
	Program    *Program `json:"program"`
}

// enter starts the program from outside the actor: a helper enters the namespaces, then the cgroup, and starts it, as
// runc does for exec.
func (p *Process) enter(ctx context.Context, program Program, streams []*os.File) error {
	own, other, err := newWire()
	if err != nil {
		return err
	}
	defer func() { _, _ = own.conn.Close(), other.Close() }()
	cmd := selfCommand(taskEnter)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = streams[0], streams[1], streams[2]
	cmd.ExtraFiles = []*os.File{other}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the helper: %w", err)
	}
	_ = other.Close()
	go func() {
		p.lost = lost(cmd.Wait())
		p.status, _ = cmd.ProcessState.Sys().(syscall.WaitStatus)
		close(p.done)
	}()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	if err := p.converse(own, cmd.Process.Pid, entry{First: p.actor.PID(), Host: p.actor.Name, Privileged: p.actor.privileged, Program: &program}); err != nil {
		_ = cmd.Process.Kill()
		return fmt.Errorf("start %s: %w", program.Path, err)
	}
	return nil
}

// converse tells the helper what to do. It joins the cgroup when it has entered, so that entering counts for nobody there.
func (p *Process) converse(w wire, helper int, e entry) error {
	if err := w.send(e); err != nil {
		return err
	}
	if _, err := w.answer(); err != nil {
		return err
	}
	if err := p.actor.stage.tree.join(p.actor.Cgroup, helper); err != nil {
		return err
	}
	if err := w.send(order{Join: true}); err != nil {
		return err
	}
	n, err := w.answer()
	p.hostPID, p.PID = n.PID, innerPID(n.PID)
	return err
}

// lost leaves out what the status tells.
func lost(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

// runEntered is the helper. It ends as the program does.
func runEntered() error {
	w, err := wireOf(os.NewFile(wireFD, "wire"))
	if err != nil {
		return err
	}
	var e entry
	if _, err := w.receive(&e); err != nil {
		return fmt.Errorf("wait for what to run: %w", err)
	}
	path, attributes, arguments, err := e.enter()
	if err != nil {
		return w.send(news{Failed: err.Error()})
	}
	if err := w.send(news{Ready: true}); err != nil {
		return err
	}
	if _, err := w.receive(&order{}); err != nil {
		return fmt.Errorf("wait for the cgroup: %w", err)
	}
	pid, err := syscall.ForkExec(path, arguments, attributes)
	if err != nil {
		return w.send(news{Failed: err.Error()})
	}
	if err := w.send(news{PID: pid}); err != nil {
		return err
	}
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case err != nil:
		return err
	case status.Signaled():
		os.Exit(128 + int(status.Signal()))
	}
	os.Exit(status.ExitStatus())
	return nil
}

// enter makes the calling thread one of the actor; what it starts is there, too.
func (e *entry) enter() (path string, attributes *syscall.ProcAttr, arguments []string, err error) {
	runtime.LockOSThread()
	// A thread that shares its working directory can not change its mounts.
	if err = unix.Unshare(unix.CLONE_FS); err != nil {
		return
	}
	process, err := unix.PidfdOpen(e.First, 0)
	if err != nil {
		return "", nil, nil, fmt.Errorf("find process %d: %w", e.First, err)
	}
	defer func() { _ = unix.Close(process) }()
	const all = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET
	if err = unix.Setns(process, all); err != nil {
		return "", nil, nil, fmt.Errorf("enter the namespaces: %w", err)
	}
	if !e.Privileged {
		if err = dropCapabilities(); err != nil {
			return
		}
	}
	path, attributes, arguments, err = e.Program.prepare(e.Host)
	if err == nil {
		attributes.Files = []uintptr{0, 1, 2}
	}
	return
}
