// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// directory makes a directory that other users may enter, too.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nodesec-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// file writes an executable and makes the programs forget that they saw it made.
func (p *machine) file(t *testing.T, dir, name string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, p.elf(), 0o755))
	require.NoError(t, os.Chmod(path, 0o755))
	forget(t, path)
	return path
}

func forget(t *testing.T, path string) {
	t.Helper()
	id := fileOf(t, path)
	for _, h := range allHosts() {
		if h.loaded {
			_ = h.probe.maps["created"].Delete(id)
		}
	}
}

// target makes an executable that exits at once.
func target(t *testing.T, name string) (path string) { return newTarget(0).file(t, directory(t), name) }

// process is a program that runs in a cgroup.
type process struct {
	cmd   *exec.Cmd
	begin io.WriteCloser
}

// start starts an executable, which waits for a byte, and moves it into the cgroup.
func start(t *testing.T, dir, path string, options ...func(*exec.Cmd)) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path)}
	for _, option := range options {
		option(p.cmd)
	}
	var err error
	p.begin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = p.begin.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	pid := strconv.Itoa(p.cmd.Process.Pid)
	waits := func() bool { // its execution may not be quite over when Start returns
		call, _ := os.ReadFile("/proc/" + pid + "/syscall")
		return strings.HasPrefix(string(call), "0 0x0 ")
	}
	require.Eventually(t, waits, 10*time.Second, 100*time.Microsecond)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(pid), 0))
	return p
}

// finish lets the process go on and waits until it is gone.
func (p *process) finish(t *testing.T) {
	t.Helper()
	_, err := p.begin.Write([]byte{'\n'})
	require.NoError(t, err)
	_ = p.cmd.Wait()
}

// outcome is what a program is expected to count.
type outcome map[Count]uint32

// run runs the program in a fresh cgroup and demands exactly these counts and its own system calls, and nothing at all in
// the cgroup beside. That a process ends is not worth saying; that it was short lived depends on the load of the machine
// and is compared where it is named.
func (h *host) run(t *testing.T, p *machine, want outcome, options ...func(*exec.Cmd)) (cgroup uint64) {
	t.Helper()
	return h.runFile(t, p.file(t, directory(t), "actor"), p, want, options...)
}

func (h *host) runFile(t *testing.T, path string, p *machine, want outcome, options ...func(*exec.Cmd)) (cgroup uint64) {
	t.Helper()
	dir, beside := h.cgroup(t), h.cgroup(t)
	start(t, beside, newMachine().file(t, directory(t), "beside"))
	start(t, dir, path, options...).finish(t)
	own := h.counted(t, dir)
	compare(t, p, want, &own)
	assert.Equal(t, Counters{}, h.counted(t, beside), "the cgroup beside")
	return inodeOf(dir)
}

func compare(t *testing.T, p *machine, want outcome, own *Counters) {
	t.Helper()
	names := countNames(t)
	expected := map[string]uint32{names[CountExit]: 1}
	for count, n := range want {
		expected[names[count]] = n
	}
	got := map[string]uint32{}
	for i, n := range own.Counts {
		_, named := want[Count(i)]
		if named || n != 0 && Count(i) != CountShortLived {
			got[names[Count(i)]] = n
		}
	}
	assert.Equal(t, expected, got)
	calls, returned := map[string]uint32{}, map[string]uint32{}
	for number := range Syscalls {
		if own.Syscalls[number] != 0 {
			calls[strconv.Itoa(number)+" "+SyscallName(number)] = own.Syscalls[number]
		}
		if p.returned[number] != 0 {
			returned[strconv.Itoa(number)+" "+SyscallName(number)] = p.returned[number]
		}
	}
	assert.Equal(t, returned, calls)
}

func (h *host) beginTick() error { return h.probe.BeginTick(time.Now(), sinceBoot()) }
