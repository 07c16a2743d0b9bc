// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// first is the actor's process 1: it makes the inside, starts programs and reaps them. It ends, and with it all that is in
// the actor, when its maker does, or when its time is over.
type first struct {
	wire wire
	name string

	mu      sync.Mutex
	numbers map[int]int // process -> its number
}

func runFirst() error {
	w, err := wireOf(os.NewFile(wireFD, "wire"))
	if err != nil {
		return err
	}
	f := &first{wire: w, numbers: map[int]int{}}
	// Signals for others, as the one of a terminal, are not for it.
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE)
	var setup, join order
	if _, err := w.receive(&setup); err != nil {
		return fmt.Errorf("wait for the set-up: %w", err)
	}
	if setup.Setup == nil {
		return errors.New("the first message is no set-up")
	}
	if err := f.setUp(setup.Setup); err != nil {
		return w.send(news{Failed: err.Error()})
	}
	if err := w.send(news{Ready: true}); err != nil {
		return err
	}
	if _, err := w.receive(&join); err != nil {
		return fmt.Errorf("wait for the cgroup: %w", err)
	}
	if err := w.send(news{Ready: true}); err != nil {
		return err
	}
	time.AfterFunc(setup.Setup.Limits.Time, func() { os.Exit(0) })
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for range children {
			f.reap()
		}
	}()
	return f.obey()
}

func (f *first) setUp(cfg *Config) error {
	f.name = cfg.Name
	if err := unix.Sethostname([]byte(cfg.Name)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return err
	}
	if err := enterOwnFiles(cfg); err != nil {
		return err
	}
	if cfg.Privileged {
		return nil
	}
	return dropCapabilities(syscall.AllThreadsSyscall)
}

// obey does what the maker says until it ends.
func (f *first) obey() error {
	for {
		var o order
		files, err := f.wire.receive(&o)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for orders: %w", err)
		}
		switch {
		case o.Start != nil:
			err = f.start(o.Start, files)
		case o.Signal != nil && o.Signal.PID > 1:
			_ = unix.Kill(-o.Signal.PID, unix.Signal(o.Signal.Signal)) // it may have ended
		}
		for _, file := range files {
			_ = file.Close()
		}
		if err != nil {
			return err
		}
	}
}

// start starts a program. It returns an error if the maker can not be told.
func (f *first) start(o *startOrder, files []*os.File) error {
	path, attributes, arguments, err := o.Program.prepare(f.name)
	if err != nil {
		return f.wire.send(news{Number: o.Number, Failed: err.Error()})
	}
	for _, file := range files {
		attributes.Files = append(attributes.Files, file.Fd())
	}
	// A child that ends at once must find its number.
	f.mu.Lock()
	defer f.mu.Unlock()
	pid, err := syscall.ForkExec(path, arguments, attributes)
	if err != nil {
		return f.wire.send(news{Number: o.Number, Failed: err.Error()})
	}
	f.numbers[pid] = o.Number
	return f.wire.send(news{Number: o.Number, PID: pid})
}

// prepare finds the program and says how to start it.
func (p *Program) prepare(host string) (path string, attributes *syscall.ProcAttr, arguments []string, err error) {
	if path, err = lookUp(p.Path); err != nil {
		return "", nil, nil, err
	}
	name, dir := p.Name, p.Dir
	if name == "" {
		name = p.Path
	}
	if dir == "" {
		dir = "/"
	}
	home := "/root"
	attributes = &syscall.ProcAttr{Dir: dir, Sys: &syscall.SysProcAttr{Setsid: true}}
	if p.UID != 0 {
		home = "/"
		attributes.Sys.Credential = &syscall.Credential{Uid: p.UID, Gid: p.UID}
	}
	attributes.Env = append([]string{"PATH=" + searchPath, "HOME=" + home, "HOSTNAME=" + host}, p.Env...)
	return path, attributes, append([]string{name}, p.Args...), nil
}

// searchPath has the directories of programs in an actor.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func lookUp(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, dir := range filepath.SplitList(searchPath) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: no such program", name)
}

// reap takes leave of all that have ended, orphans too.
func (f *first) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		f.mu.Lock()
		number, known := f.numbers[pid]
		delete(f.numbers, pid)
		f.mu.Unlock()
		if known {
			value := int(status)
			_ = f.wire.send(news{Number: number, Status: &value}) // else obey notices
		}
	}
}
