// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An actor's process 1 does its work in two steps. The first one makes the inside, and then becomes the second one, which
// has no more rights than what it starts. That one starts programs and reaps them; it ends, and with it all that is in
// the actor, when its maker does, or when its time is over.

// first is the second step.
type first struct {
	wire wire
	name string

	mu      sync.Mutex
	numbers map[int]int // process -> its number
}

// inside is what the first step leaves to the second.
type inside struct {
	Name string        `json:"name"`
	Time time.Duration `json:"time"`
}

// runFirst is the first step.
func runFirst() error {
	runtime.LockOSThread() // rights are a thread's
	// The wire's own descriptor stays open for the second step.
	fd, err := unix.FcntlInt(wireFD, unix.F_DUPFD_CLOEXEC, wireFD+1)
	if err != nil {
		return fmt.Errorf("use the wire: %w", err)
	}
	w, err := wireOf(os.NewFile(uintptr(fd), "wire"))
	if err != nil {
		return err
	}
	var o order
	if _, err := w.receive(&o); err != nil {
		return fmt.Errorf("wait for the set-up: %w", err)
	}
	if o.Setup == nil {
		return errors.New("the first message is no set-up")
	}
	if err := setUp(o.Setup); err != nil {
		return w.send(news{Failed: err.Error()})
	}
	text, err := json.Marshal(inside{o.Setup.Name, o.Setup.Limits.Time})
	if err != nil {
		return err
	}
	env := []string{taskVariable + "=" + taskObey, insideVariable + "=" + string(text)}
	if err := syscall.Exec(Self, []string{"init"}, env); err != nil {
		return w.send(news{Failed: "become the inner process: " + err.Error()})
	}
	return nil
}

// runObey is the second step.
func runObey() error {
	var i inside
	if err := json.Unmarshal([]byte(os.Getenv(insideVariable)), &i); err != nil {
		return fmt.Errorf("decode %s: %w", insideVariable, err)
	}
	w, err := wireOf(os.NewFile(wireFD, "wire"))
	if err != nil {
		return err
	}
	f := &first{wire: w, name: i.Name, numbers: map[int]int{}}
	// Nobody inside can end it. What it starts has the signals' usual effects.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE)
	if err := w.send(news{Ready: true}); err != nil {
		return err
	}
	var join order
	if _, err := w.receive(&join); err != nil {
		return fmt.Errorf("wait for the cgroup: %w", err)
	}
	if err := w.send(news{Ready: true}); err != nil {
		return err
	}
	time.AfterFunc(i.Time, func() { os.Exit(0) })
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for range children {
			f.reap()
		}
	}()
	return f.obey()
}

func setUp(cfg *Config) error {
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
	return dropCapabilities()
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
