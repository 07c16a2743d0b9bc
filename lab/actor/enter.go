// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
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

// enter starts the program from outside the actor: a helper joins the cgroup, then the namespaces, and starts it, as
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
	if err := p.actor.stage.tree.join(p.actor.Cgroup, cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		return err
	}
	if err := own.send(entry{First: p.actor.PID(), Host: p.actor.Name, Privileged: p.actor.privileged, Program: &program}); err != nil {
		return fmt.Errorf("start %s: %w", program.Path, err)
	}
	var n news
	if _, err := own.receive(&n); err != nil {
		return fmt.Errorf("start %s: the helper has ended: %w", program.Path, err)
	}
	if n.Failed != "" {
		return fmt.Errorf("start %s: %s", program.Path, n.Failed)
	}
	p.hostPID, p.PID = n.PID, innerPID(n.PID)
	return nil
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
	pid, err := e.start()
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

// start starts the program from a thread that has entered the actor.
func (e *entry) start() (pid int, err error) {
	runtime.LockOSThread()
	// A thread that shares its working directory can not change its mounts.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return 0, err
	}
	process, err := unix.PidfdOpen(e.First, 0)
	if err != nil {
		return 0, fmt.Errorf("find process %s: %w", strconv.Itoa(e.First), err)
	}
	defer func() { _ = unix.Close(process) }()
	const all = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET
	if err := unix.Setns(process, all); err != nil {
		return 0, fmt.Errorf("enter the namespaces: %w", err)
	}
	if !e.Privileged {
		if err := dropCapabilities(syscall.RawSyscall); err != nil {
			return 0, err
		}
	}
	path, attributes, arguments, err := e.Program.prepare(e.Host)
	if err != nil {
		return 0, err
	}
	attributes.Files = []uintptr{0, 1, 2}
	return syscall.ForkExec(path, arguments, attributes)
}
