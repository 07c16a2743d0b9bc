// SPDX-License-Identifier: Apache-2.0

// Command app is what the containers of the test cluster run: each sub-command is one behaviour of a workload.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if filepath.Base(os.Args[0]) == "sh" { // somebody looks around for a moment
		time.Sleep(2 * time.Second)
		return nil
	}
	if len(args) == 0 {
		args = []string{"wait"}
	}
	switch behaviour, args := args[0], args[1:]; behaviour {
	case "pause": // the process of a pod's sandbox
		return pause()
	case "wait": // is idle until it is asked to end
		end := make(chan os.Signal, 1)
		signal.Notify(end, unix.SIGTERM, unix.SIGINT)
		<-end
		return nil
	case "sleep":
		time.Sleep(duration(args))
		return nil
	case "fail":
		time.Sleep(duration(args))
		return errors.New("failed as it was asked to")
	case "spin": // takes all CPU time that it gets
		for end := time.Now().Add(duration(args)); time.Now().Before(end); {
		}
		return nil
	case "eat": // takes memory until it is killed
		return eat()
	case "hold": // holds so many MiB of memory
		return hold(args)
	case "listen":
		return listen(args)
	case "cat":
		for _, name := range args {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			_, _ = os.Stdout.Write(text)
		}
		return nil
	case "echo":
		_, _ = fmt.Fprintln(os.Stdout, strings.Join(args, " "))
		return nil
	case "again": // a program over and over
		for {
			_ = run(append([]string{"run"}, args...))
			time.Sleep(2 * time.Second)
		}
	case "run": // a program, as its parent
		cmd := exec.Command(args[0], args[1:]...) //nolint:gosec // its arguments are the pod's
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		return cmd.Run()
	default:
		return fmt.Errorf("%s is none of the behaviours", behaviour)
	}
}

// duration is the first argument, or very long.
func duration(args []string) time.Duration {
	if len(args) > 0 {
		if d, err := time.ParseDuration(args[0]); err == nil {
			return d
		}
	}
	return 1000 * time.Hour
}

// pause reaps what the containers of a pod with shared processes leave behind.
func pause() error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGCHLD)
	for s := range signals {
		if s != unix.SIGCHLD {
			return nil
		}
		for {
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
	return nil
}

func eat() error {
	for {
		mapped, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_POPULATE)
		if err != nil {
			return err
		}
		mapped[0] = 1
	}
}

func hold(args []string) error {
	mebibytes, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if _, err := unix.Mmap(-1, 0, mebibytes<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_POPULATE); err != nil {
		return err
	}
	return run([]string{"wait"})
}

func listen(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		_ = conn.Close()
	}
}
