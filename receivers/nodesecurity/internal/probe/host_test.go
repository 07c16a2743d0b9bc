// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// The tests on the live kernel do something in a fresh cgroup and look at what was counted there. The test binary is
// started again for it: it waits outside, is moved into the cgroup, and then does the act that its environment names.
const (
	actVariable  = "NODESEC_TEST_ACT"
	argsVariable = "NODESEC_TEST_ARGS"
	// An actor writes here when it waits to act.
	readyDescriptor = 3
)

func TestMain(m *testing.M) {
	if name := os.Getenv(actVariable); name != "" {
		os.Exit(runAct(name, strings.Split(os.Getenv(argsVariable), "\x1f")))
	}
	code := m.Run()
	for _, h := range allHosts() {
		if h.loaded {
			_ = h.probe.Close()
		}
	}
	os.Exit(code)
}

// runAct says that the Go runtime has started, waits until the cgroup is right and acts.
func runAct(name string, args []string) int {
	runtime.LockOSThread()
	if _, err := syscall.Write(readyDescriptor, []byte{1}); err != nil || syscall.Close(readyDescriptor) != nil {
		return 96
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return 98
	}
	act, ok := acts()[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no act", name)
		return 99
	}
	if err := act(args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 97
	}
	return 0
}

// host is one way of telling cgroups apart on this machine, and the programs loaded for it.
type host struct {
	name, controller, base string

	load   sync.Once
	loaded bool
	probe  *Probe
	err    error
}

var allHosts = sync.OnceValue(func() (hosts []*host) {
	for _, h := range []*host{
		{name: "v1", controller: "memory", base: "/sys/fs/cgroup/memory"},
		{name: "v1", controller: "pids", base: "/sys/fs/cgroup/pids"},
	} {
		if _, err := os.Stat(filepath.Join(h.base, "cgroup.procs")); err == nil {
			hosts = append(hosts, h)
			break
		}
	}
	for _, base := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(base, "cgroup.controllers")); err == nil {
			hosts = append(hosts, &host{name: "v2", base: base})
			break
		}
	}
	return hosts
})

// onEachHierarchy runs the test for cgroups v1 and v2, as far as the machine has them.
func onEachHierarchy(t *testing.T, test func(t *testing.T, h *host)) {
	t.Helper()
	require.NotEmpty(t, allHosts(), "no cgroup hierarchy is mounted")
	for _, h := range allHosts() {
		t.Run(h.name, func(t *testing.T) {
			h.require(t)
			test(t, h)
		})
	}
}

// require loads the programs once. Without the privileges the test is skipped, or fails where it must run.
func (h *host) require(t *testing.T) {
	t.Helper()
	h.load.Do(func() {
		tables, err := testTables()
		if err != nil {
			h.err = err
			return
		}
		newest := makeCgroup(h.base)
		h.probe, h.err = Load(Options{
			Controller: h.controller, NewestCgroup: newest, MaxCgroups: 8192, CPUs: runtime.NumCPU(), Tables: &tables,
			HostDevice: rootDevice(),
		})
		if h.err == nil {
			h.loaded = true
			h.err = h.probe.BeginTick(time.Now(), sinceBoot())
		}
	})
	if h.err != nil {
		if os.Getenv("NODESEC_TEST_BPF") == "1" {
			t.Fatal(h.err)
		}
		t.Skipf("needs root or CAP_BPF and CAP_PERFMON: %v", h.err)
	}
}

// testTables are the default classes with an address of an API server and names of the greatest length.
var testTables = sync.OnceValues(func() (classes.Tables, error) {
	config := classes.NewDefaultConfig()
	config.Paths = map[string][]string{
		"credentials+": {"/opt/" + strings.Repeat("m", 27), "**/" + strings.Repeat("n", 27), "**/" + strings.Repeat("d", 27) + "/"},
	}
	return classes.Compile(config.WithNetworks(classes.NetworkAPIServer, netip.MustParsePrefix("10.96.0.1/32")))
})

// makeCgroup makes and removes a cgroup and returns its ID, the newest of the hierarchy.
func makeCgroup(base string) uint64 {
	dir := filepath.Join(base, "nodesec-test-newest")
	if os.Mkdir(dir, 0o755) != nil {
		return 0
	}
	defer func() { _ = os.Remove(dir) }()
	return inodeOf(dir)
}

// rootDevice is the kernel's number of the device that this process has its root on.
func rootDevice() uint32 {
	var st unix.Stat_t
	if unix.Stat("/", &st) != nil {
		return 0
	}
	return unix.Major(st.Dev)<<20 | unix.Minor(st.Dev)
}

// fileOf names a file as the programs do.
func fileOf(t *testing.T, path string) bpfFileId {
	t.Helper()
	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(path, &st))
	return bpfFileId{Inode: st.Ino, Device: uint32(st.Dev>>8&0xfff)<<20 | uint32(st.Dev&0xff|st.Dev>>12&0xfff00)}
}

func inodeOf(path string) uint64 {
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil {
		return 0
	}
	return st.Ino
}

func sinceBoot() time.Duration {
	data, _ := os.ReadFile("/proc/uptime")
	seconds, _ := strconv.ParseFloat(strings.Fields(string(data))[0], 64)
	return time.Duration(seconds * float64(time.Second))
}

// cgroup makes a cgroup that is removed at the end of the test.
func (h *host) cgroup(t *testing.T) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp(h.base, "nodesec-test-")
	require.NoError(t, err)
	t.Cleanup(func() {
		for range 100 { // the last process may not be quite gone
			if err = os.Remove(dir); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		assert.NoError(t, err)
	})
	return dir
}

// counted returns the counters of a cgroup.
func (h *host) counted(t *testing.T, dir string) (c Counters) {
	t.Helper()
	id := inodeOf(dir)
	for s := range h.probe.Slots() {
		if s.Cgroup == id {
			require.NoError(t, h.probe.Read(s.Number, &c))
		}
	}
	return c
}

// actor is a process in a cgroup of its own, which waits to act.
type actor struct {
	cmd    *exec.Cmd
	begin  io.WriteCloser
	output bytes.Buffer
}

// prepare starts an actor and moves it into the cgroup. It acts when it is begun.
func (h *host) prepare(t *testing.T, dir, act string, args ...string) *actor {
	t.Helper()
	a := &actor{cmd: exec.Command("/proc/self/exe")}
	a.cmd.Env = append(os.Environ(), actVariable+"="+act, argsVariable+"="+strings.Join(args, "\x1f"))
	a.start(t, dir)
	return a
}

// start starts the actor, waits until it is ready and moves it into the cgroup.
func (a *actor) start(t *testing.T, dir string) {
	t.Helper()
	a.cmd.Stdout, a.cmd.Stderr = &a.output, &a.output
	var err error
	a.begin, err = a.cmd.StdinPipe()
	require.NoError(t, err)
	ready, theirs, err := os.Pipe()
	require.NoError(t, err)
	defer ready.Close()
	if a.cmd.ExtraFiles == nil {
		a.cmd.ExtraFiles = []*os.File{nil}
	}
	a.cmd.ExtraFiles[0] = theirs
	require.NoError(t, a.cmd.Start())
	require.NoError(t, theirs.Close())
	t.Cleanup(func() {
		_ = a.begin.Close()
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
	})
	_, err = ready.Read(make([]byte, 1)) // so that the start of the Go runtime is not counted
	require.NoError(t, err)
	pid := strconv.Itoa(a.cmd.Process.Pid)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(pid), 0))
}

// finish lets the actor act and waits until it is gone.
func (a *actor) finish(t *testing.T) {
	t.Helper()
	_, err := a.begin.Write([]byte{'\n'})
	require.NoError(t, err)
	if err := a.cmd.Wait(); err != nil {
		t.Fatalf("act: %v\n%s", err, a.output.String())
	}
}

// act does something in a fresh cgroup and returns what was counted there, and in one beside it whose process sleeps.
func (h *host) act(t *testing.T, name string, args ...string) (own, neighbour Counters) {
	t.Helper()
	dir, beside := h.cgroup(t), h.cgroup(t)
	h.prepare(t, beside, "sleep")
	h.prepare(t, dir, name, args...).finish(t)
	return h.counted(t, dir), h.counted(t, beside)
}

// expect does the act and demands exactly these counts, and none of them in the cgroup beside. Counters that are not
// named must be those of an act that does nothing.
func (h *host) expect(t *testing.T, want map[Count]uint32, name string, args ...string) Counters {
	t.Helper()
	own, neighbour := h.act(t, name, args...)
	for i := range own.Counts {
		count := Count(i)
		if value, named := want[count]; named || !slices.Contains(noisy(), count) {
			if !named {
				value = quiet()[count]
			}
			assert.Equal(t, value, own.Counts[count], "%v", count)
			assert.Zero(t, neighbour.Counts[count], "%v of the cgroup beside", count)
		}
	}
	return own
}

// quiet is what a process counts that does nothing but end.
func quiet() map[Count]uint32 { return map[Count]uint32{CountExit: 1} }

// noisy are the counters that the Go runtime moves as it likes.
func noisy() []Count {
	return []Count{CountSyscallErrors, CountThread, CountShortLived}
}

func nothing([]string) error { return nil }

func sleep([]string) error {
	time.Sleep(time.Hour)
	return nil
}
