// SPDX-License-Identifier: Apache-2.0

// Package crowd makes a host crowded: processes in cgroups that look like those of containers.
package crowd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// BusyArgument makes this program one of the busy processes, if it is its only argument.
const BusyArgument = "be-busy"

const (
	busyPeriod = 100 * time.Millisecond
	busyWork   = 300 * time.Microsecond // of each period: 50 of them use 15 % of a core
	busyNice   = 19
)

// BeBusy uses a little CPU time for ever.
func BeBusy() error {
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, busyNice); err != nil {
		return fmt.Errorf("lower the own priority: %w", err)
	}
	for {
		for started := time.Now(); time.Since(started) < busyWork; {
		}
		time.Sleep(busyPeriod - busyWork)
	}
}

// Idle returns the command of a process that sleeps.
func Idle() *exec.Cmd { return exec.Command("sleep", "infinity") }

// Busy returns the command of a process that uses a little CPU time for ever.
func Busy() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the own program: %w", err)
	}
	command := exec.Command(self, BusyArgument)
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	return command, nil
}

// Calling returns the command of a small process that makes some system calls, five times a second.
func Calling() *exec.Cmd {
	return exec.Command("tail", "---disable-inotify", "-f", "-s", "0.2", "/etc/passwd")
}

// Crowd is processes, spread over cgroups.
type Crowd struct {
	processes []*exec.Cmd
	cgroups   *cgroups
}

// Gather makes cgroups, starts the processes and puts them into one cgroup after the other, in turn. They die with the
// thread that called it.
func Gather(groups int, processes []*exec.Cmd) (_ *Crowd, err error) {
	c := &Crowd{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Disperse())
		}
	}()
	if c.cgroups, err = makeCgroups(groups); err != nil {
		return nil, err
	}
	for i, command := range processes {
		command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := command.Start(); err != nil {
			return nil, fmt.Errorf("start a process to measure: %w", err)
		}
		c.processes = append(c.processes, command)
		if err := c.cgroups.attach(i, strconv.Itoa(command.Process.Pid)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Disperse ends the processes and removes the cgroups.
func (c *Crowd) Disperse() error {
	var errs []error
	for _, command := range c.processes {
		errs = append(errs, command.Process.Kill())
	}
	for _, command := range c.processes {
		_ = command.Wait() // says only that it was killed
	}
	c.processes = nil
	if c.cgroups != nil {
		errs = append(errs, c.cgroups.remove())
		c.cgroups = nil
	}
	return errors.Join(errs...)
}
