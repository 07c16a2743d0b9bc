// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
)

// tracer is a program of others that counts system calls.
type tracer struct {
	program string
	command string // for sh
	ready   string // is in the line that it prints once it counts
}

var errNotInstalled = errors.New("not installed")

// The interval says that all probes are attached. Both tracers need tracefs, which is mounted for them alone.
func tracers() (bpftrace, syscount tracer) {
	const each = `tracepoint:raw_syscalls:sys_enter { @[cgroup, args->id] = count(); }`
	bpftrace = tracer{"bpftrace", `exec bpftrace -B line -e '` + each + ` interval:s:1 { printf("ready\n"); }'`, "ready"}
	syscount = tracer{"syscount", `exec stdbuf -oL syscount -d 3600`, "Tracing"}
	return bpftrace, syscount
}

const mountTracefs = `mount -t debugfs debugfs /sys/kernel/debug; mount -t tracefs tracefs /sys/kernel/tracing; `

// start returns when the tracer counts. errNotInstalled says that there is none.
func (t tracer) start(ctx context.Context) (stop func() error, err error) {
	if _, err := exec.LookPath(t.program); err != nil {
		return nil, fmt.Errorf("%s: %w", t.program, errNotInstalled)
	}
	command := exec.CommandContext(ctx, "sh", "-c", mountTracefs+t.command)
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var failed strings.Builder
	command.Stderr = &failed
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", t.program, err)
	}
	stop = func() error {
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()         // says only that it was killed
		return nil
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), t.ready) {
			go func() { _, _ = io.Copy(io.Discard, output) }() // until it is stopped
			return stop, nil
		}
	}
	_ = stop()
	return nil, fmt.Errorf("%s does not count here: %s", t.program, strings.TrimSpace(failed.String()))
}
