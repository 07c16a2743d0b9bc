// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// stopTimeout is how long a collector may take to write out what it holds before it is killed. Its queue is on disk,
// so that nothing is lost even then.
const stopTimeout = 15 * time.Second

var errNoCollector = errors.New("find the collector: no nodesec beside this program or on PATH: " +
	"build it with make build, or name it with --collector")

// collector is a running collector process. It ends with this process, even if this one is killed.
type collector struct {
	process *os.Process
	log     string
	done    chan struct{} // closed when the process has ended
	err     error         // how it ended; valid once done is closed
	told    bool          // failure was called
}

// findCollector returns the collector binary: the one named, else nodesec beside this program, else nodesec on PATH.
func findCollector(named string) (string, error) {
	if named != "" {
		return exec.LookPath(named)
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "nodesec")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath("nodesec")
	if err != nil {
		return "", errNoCollector
	}
	return path, nil
}

// startCollector starts the collector with the configuration file and the additional environment; its log goes to a
// file in dir.
func startCollector(binary, config, dir string, environment []string) (*collector, error) {
	c := &collector{log: filepath.Join(dir, "collector.log"), done: make(chan struct{})}
	output, err := os.OpenFile(c.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the collector's log: %w", err)
	}
	cmd := exec.Command(binary, "--config", config)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdout, cmd.Stderr = output, output
	// A process group of its own keeps the terminal's Ctrl-C away: the order of stopping is ours.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	started := make(chan error)
	go func() {
		// Pdeathsig is sent when the thread that started the process ends, so this one stays until the process is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = output.Close() }()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the collector %s: %w", binary, err)
	}
	c.process = cmd.Process
	return c, nil
}

// stop asks the collector to end and waits until it has.
func (c *collector) stop() error {
	_ = c.process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
		var exit *exec.ExitError
		if errors.As(c.err, &exit) && !c.told {
			return c.failure()
		}
		return nil
	case <-time.After(stopTimeout):
		_ = c.process.Kill()
		<-c.done
		return fmt.Errorf("the collector did not end within %s and was killed; what it had queued is kept on disk",
			stopTimeout)
	}
}

// failure describes an end that was not asked for, with the last lines of the log.
func (c *collector) failure() error {
	c.told = true
	return fmt.Errorf("the collector ended: %w; the end of its log %s:\n%s", c.err, c.log, tail(c.log, 10))
}

// tail returns the last lines of a file, at most 8 KiB of them.
func tail(path string, lines int) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, _ = file.Seek(max(0, size-8192), io.SeekStart)
	}
	data, _ := io.ReadAll(file)
	all := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// waitOrDone waits for d; false if ctx or the collector ended before.
func (c *collector) waitOrDone(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c.done:
		return false
	case <-time.After(d):
		return true
	}
}
