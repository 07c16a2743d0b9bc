// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// A node is three processes of this program, beside its parts:
//
//	RunNode   on the host, makes the namespaces of
//	 ├─ init  PID 1 of the node: with it all processes, mounts and interfaces of the node end
//	 │   └─ run   starts the parts and the command
//	 └─ broom on the host, removes what namespaces do not hold when RunNode has ended, however it did
//
// What they are told is in the environment, under this name with the stage's.
const stageVariable, nodeVariable = "NODESEC_NODE_STAGE", "NODESEC_NODE"

// The stages.
const (
	stageInit  = "init"
	stageRun   = "run"
	stageBroom = "broom"
)

// RunStageIfAsked turns this process into one of the node's when RunNode made it for that, and then does not return. Otherwise
// it does nothing. It must come first in main.
func RunStageIfAsked() {
	stage := os.Getenv(stageVariable)
	if stage == "" {
		return
	}
	var n node
	code, err := 1, json.Unmarshal([]byte(os.Getenv(nodeVariable)), &n)
	if err == nil {
		err = errors.Join(os.Unsetenv(stageVariable), os.Unsetenv(nodeVariable))
	}
	if err == nil {
		switch stage {
		case stageInit:
			code, err = n.init()
		case stageRun:
			code, err = n.run(context.Background())
		case stageBroom:
			code, err = 0, n.sweep()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// command is this program as one of the stages.
func (n *node) command(stage string) (*exec.Cmd, error) {
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = stage
	cmd.Env = append(os.Environ(), stageVariable+"="+stage, nodeVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd, nil
}

// RunNode runs the command beside a node, that it starts before with the images and ends after, and returns its exit code.
func RunNode(ctx context.Context, images, command []string) (int, error) {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	n, err := newNode(ctx, images, command)
	if err != nil {
		return 0, err
	}
	if n.Folder, err = os.MkdirTemp("", "nodesec-node-"); err != nil {
		return 0, err
	}
	n.Cgroup = filepath.Base(n.Folder)
	swept, err := n.startBroom()
	if err != nil {
		return 0, errors.Join(err, os.RemoveAll(n.Folder))
	}
	code, err := n.runInit(ctx)
	return code, errors.Join(err, swept())
}

// newNode collects what a node is made from.
func newNode(ctx context.Context, images, command []string) (*node, error) {
	n := &node{Command: command}
	var err error
	if n.Kubernetes, err = Kubernetes(ctx, os.Stderr); err != nil {
		return nil, err
	}
	if n.DNS, err = dnsProgram().build(ctx, os.Stderr); err != nil {
		return nil, err
	}
	if n.Debian, err = Debian(ctx, os.Stderr); err != nil {
		return nil, err
	}
	apps, err := appImages(ctx)
	n.Images = slices.Concat(apps, images)
	return n, err
}

// runInit makes the namespaces and waits for their end.
func (n *node) runInit(ctx context.Context) (int, error) {
	if err := makeCgroups(n.Cgroup); err != nil {
		return 0, err
	}
	cmd, err := n.command(stageInit)
	if err != nil {
		return 0, err
	}
	lock, err := lockFile(n.path(lockName))
	if err != nil {
		return 0, err
	}
	defer func() { _ = lock.Close() }()
	cmd.Stdin, cmd.ExtraFiles = os.Stdin, []*os.File{lock}
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  unix.SIGKILL,
	}
	// The death signal is sent when the thread ends, not the process: it must live as long as we do.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("make namespaces, which needs root: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	if err := n.writeEnter(cmd.Process.Pid); err != nil {
		return 0, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// writeEnter writes a script that runs a command in the node, for those who want to look at it from elsewhere.
func (n *node) writeEnter(pid int) error {
	env := n.env()
	script := fmt.Sprintf("#!/bin/sh\n# Runs a command in the node: enter kubectl get pods -A\nexec nsenter -t %d -m -n -p -u -i env '%s' '%s' \"$@\"\n", pid, env[0], env[1])
	return os.WriteFile(n.path("enter"), []byte(script), 0o755)
}

// appImages builds the images of ../app.
func appImages(ctx context.Context) ([]string, error) {
	source, err := kubernetesProgram().sources()
	if err != nil {
		return nil, err
	}
	cache, err := cacheFolder("app")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	program := filepath.Join(cache, "app")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./app")
	cmd.Dir, cmd.Env = filepath.Dir(source), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the app: %w: %s", err, out)
	}
	app, pause := filepath.Join(cache, "app.tar"), filepath.Join(cache, "pause.tar")
	return []string{app, pause}, errors.Join(
		WriteImage(app, Image{Name: AppImage, Program: program, Entrypoint: []string{"/app"}, Links: []string{"bin/sh"}}),
		WriteImage(pause, Image{Name: PauseImage, Program: program, Entrypoint: []string{"/app", "pause"}}))
}

// drain reads until the other side has ended.
func drain(r io.Reader) { _, _ = io.Copy(io.Discard, r) }
