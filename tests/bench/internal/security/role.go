// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// This program is started again in another role: as the first argument says, which the second describes.
const (
	roleReceiver = "be-security-receiver"
	roleActor    = "be-security-actor"
)

// RunIfAsked does what a child of the benchmark is for and does not return, if this process is one.
func RunIfAsked() {
	if len(os.Args) < 3 {
		return
	}
	var err error
	switch os.Args[1] {
	case roleReceiver:
		err = beReceiver(context.Background(), os.Args[2])
	case roleActor:
		err = beActor(os.Args[2:])
	default:
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	os.Exit(0)
}

// again is the command that starts this program in a role. It dies with the thread that starts it.
func again(ctx context.Context, role string, arguments ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the own program: %w", err)
	}
	command := exec.CommandContext(ctx, self, append([]string{role}, arguments...)...)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return command, nil
}
