// SPDX-License-Identifier: Apache-2.0

package collect

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

// crowd is the processes that the receivers are to measure, spread over the cgroups.
type crowd struct {
	processes []*exec.Cmd
	cgroups   *cgroups
}

// gather starts idle and busy processes and spreads them over as many cgroups as asked for. They die with the thread
// that called it.
func gather(idle, busy, groups int) (_ *crowd, err error) {
	c := &crowd{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.disperse())
		}
	}()
	if c.cgroups, err = makeCgroups(groups); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the own program: %w", err)
	}
	for i := range idle + busy {
		command := exec.Command("sleep", "infinity")
		if i >= idle {
			command = exec.Command(self, BusyArgument)
			command.Env = append(os.Environ(), "GOMAXPROCS=1")
		}
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

// disperse ends the processes and removes the cgroups.
func (c *crowd) disperse() error {
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
