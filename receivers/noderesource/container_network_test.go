// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// addProcess makes what /proc tells of a process' network. Processes in one namespace have the same files.
func (r *containerRun) addProcess(pid int, namespace string) {
	proc := filepath.Join(r.root, "proc", strconv.Itoa(pid))
	shared := filepath.Join(r.root, "netns-"+namespace)
	if _, err := os.Stat(shared); err != nil {
		require.NoError(r.t, os.CopyFS(shared, os.DirFS(filepath.Join(kernels, "linux-6.18/proc/1/net"))))
	}
	require.NoError(r.t, os.MkdirAll(proc, 0o755))
	require.NoError(r.t, os.Symlink(shared, filepath.Join(proc, "net")))
}

// newNetworkRun has a pod of two containers, whose processes are 4101 and 4090, in a namespace of its own, and a service
// in the node's. The network is that of pid 1 of a tree of kernel files.
func newNetworkRun(t *testing.T) (run *containerRun, sidecar string) {
	run = newContainerRun(t, "v2-containerd", true)
	sidecar = busyPod + "/cri-containerd-9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d.scope"
	run.addProcess(1, "host")
	run.addProcess(4101, "pod")
	run.addProcess(4090, "pod")
	run.addProcess(700, "host")
	run.table.groups = map[string]*processGroup{
		busy: {processes: 1, pid: 4101}, sidecar: {processes: 1, pid: 4090},
		"/system.slice/sshd.service": {processes: 1, pid: 700},
	}
	run.scraper.network = newNamespaces(run.root)
	return run, sidecar
}

func (r *containerRun) traffic(received, transmitted string) {
	r.t.Helper()
	dev := "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
		"    lo: 99 9 0 0 0 0 0 0 99 9 0 0 0 0 0 0\n" +
		"  eth0: " + received + " 0 0 0 0 " + transmitted + " 0 0 0 0\n"
	require.NoError(r.t, os.WriteFile(filepath.Join(r.root, "proc/4101/net/dev"), []byte(dev), 0o600))
}

func TestContainersOfAPodShareItsNetwork(t *testing.T) {
	run, sidecar := newNetworkRun(t)
	run.traffic("1000 10 1 0", "500 5 0 0")
	first := run.scrape()
	assert.False(t, has(sampleOf(t, first, busy), "container.network.io"), "its growth is unknown")
	assert.InDelta(t, 5+2, value(t, sampleOf(t, first, busy), "nodesec.sockets.count"), 0, "TCP and unix stream")

	run.traffic("4000 16 3 1", "600 6 0 2")
	second := run.scrape()
	requireGolden(t, "testdata/container/network.yaml", second)
	for _, path := range []string{busy, sidecar} {
		sample := sampleOf(t, second, path)
		assert.InDelta(t, 3000+100, value(t, sample, "container.network.io"), 0)
		assert.InDelta(t, 6+1, value(t, sample, "nodesec.network.packets"), 0)
		assert.InDelta(t, 2, value(t, sample, "nodesec.network.errors"), 0)
		assert.InDelta(t, 1+2, value(t, sample, "nodesec.network.dropped"), 0)
		assert.Zero(t, value(t, sample, "nodesec.quality.missing"))
	}
}

func TestContainersInTheNodesNamespaceHaveNoNetwork(t *testing.T) {
	run, _ := newNetworkRun(t)
	run.scrape()
	sample := sampleOf(t, run.scrape(), "/system.slice/sshd.service")
	for _, name := range []string{"container.network.io", "nodesec.sockets.count", "system.network.connection.count"} {
		assert.False(t, has(sample, name), name)
	}
	assert.Zero(t, value(t, sample, "nodesec.quality.missing"), "nothing is missing")
}

func TestNetworkOfAProcessThatMayNotBeSeenIsMissing(t *testing.T) {
	run, _ := newNetworkRun(t)
	require.NoError(t, os.Remove(filepath.Join(run.root, "proc/4101/net")))
	sample := sampleOf(t, run.scrape(), busy)
	assert.InDelta(t, float64(sourceNamespaceNet), value(t, sample, "nodesec.quality.missing"), 0)
	assert.False(t, has(sample, "nodesec.sockets.count"))

	run, _ = newNetworkRun(t)
	require.NoError(t, os.Remove(filepath.Join(run.root, "proc/1/net")))
	run.scraper.network = newNamespaces(run.root)
	sample = sampleOf(t, run.scrape(), busy)
	assert.InDelta(t, float64(sourceNamespaceNet), value(t, sample, "nodesec.quality.missing"), 0, "it could be the node's")
}

func TestTCPStatesOfTheNamespace(t *testing.T) {
	run, _ := newNetworkRun(t)
	sample := sampleOf(t, run.scrape(), busy)
	states, ok := points(sample, "system.network.connection.count")
	require.True(t, ok)
	want := countStates(t, filepath.Join(kernels, "linux-6.18/proc/1/net"))
	assert.Equal(t, 11, states.Len())
	for _, point := range states.All() {
		state, _ := point.Attributes().Get("network.connection.state")
		assert.Equal(t, want[state.Str()], point.IntValue(), state.Str())
	}
}

// countStates counts the second column of states in tcp and tcp6 in another way than the parser does.
func countStates(t *testing.T, net string) map[string]int64 {
	names := map[string]string{"01": "established", "06": "time_wait", "0A": "listen", "08": "close_wait", "02": "syn_sent",
		"03": "syn_received", "04": "fin_wait_1", "05": "fin_wait_2", "07": "closed", "09": "last_ack", "0B": "closing"}
	count := map[string]int64{}
	for _, file := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(filepath.Join(net, file))
		require.NoError(t, err)
		for _, line := range strings.Split(string(data), "\n") {
			if fields := strings.Fields(line); len(fields) > 3 && fields[0] != "sl" {
				count[names[fields[3]]]++
			}
		}
	}
	return count
}

func TestNamespacesTakeTurnsForTCPStates(t *testing.T) {
	run, _ := newNetworkRun(t)
	other := "/init.scope"
	run.addProcess(77, "other")
	run.table.groups[other] = &processGroup{processes: 1, pid: 77}
	has := func(metrics pmetric.Metrics, path string) bool {
		sample := sampleOf(t, metrics, path)
		known := has(sample, "system.network.connection.count")
		missing := value(t, sample, "nodesec.quality.missing") == float64(sourceTCPStates)
		assert.NotEqual(t, known, missing)
		return known
	}
	first := run.scrape()
	assert.True(t, has(first, busy) && has(first, other), "new namespaces have their turn at once")
	counts := map[string]int{}
	for range 6 {
		run.scraper.network.tcp.cost = time.Second // as on a machine with a large table: one turn in a tick
		metrics := run.scrape()
		for _, path := range []string{busy, other} {
			if has(metrics, path) {
				counts[path]++
			}
		}
	}
	assert.Equal(t, map[string]int{busy: 3, other: 3}, counts)

	run.scraper.network.tcp.cost = time.Microsecond
	metrics := run.scrape()
	assert.True(t, has(metrics, busy) && has(metrics, other), "time enough for all")
}

func TestNamespaceWithoutTCPSocketsNeedsNoTurn(t *testing.T) {
	run, _ := newNetworkRun(t)
	net := filepath.Join(run.root, "proc/4101/net")
	require.NoError(t, os.WriteFile(filepath.Join(net, "protocols"), []byte("protocol  size sockets\nTCP 2272 0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(net, "sockstat"), []byte("sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(net, "tcp")))
	sample := sampleOf(t, run.scrape(), busy)
	assert.Zero(t, value(t, sample, "system.network.connection.count"))
	assert.Zero(t, value(t, sample, "nodesec.quality.missing"))
}

func TestTCPStatesOfANamespaceThatIsEntered(t *testing.T) {
	var before, after unix.Stat_t
	require.NoError(t, unix.Stat("/proc/thread-self/ns/net", &before))
	listener := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestHelperListens$")
	listener.Env = append(os.Environ(), "NODESEC_TEST_LISTENS=1")
	listener.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	stdin, err := listener.StdinPipe()
	require.NoError(t, err)
	if err := listener.Start(); err != nil {
		t.Skip("needs the right to make network namespaces: ", err)
	}
	proc := filepath.Join("/proc", strconv.Itoa(listener.Process.Pid))
	require.Eventually(t, func() bool { return countStates(t, filepath.Join(proc, "net"))["listen"] == 1 },
		time.Minute, 10*time.Millisecond)

	var diag namespaceDiag
	states, err := diag.statesOf(filepath.Join(proc, "ns/net"))
	require.NoError(t, err)
	assert.Equal(t, procfs.TCPStates{procfs.TCPListen: 1}, states)
	_, err = diag.statesOf(filepath.Join(proc, "ns/none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.False(t, diag.forbidden)
	require.NoError(t, unix.Stat("/proc/self/ns/net", &after))
	assert.Equal(t, before.Ino, after.Ino)
	require.NoError(t, stdin.Close())
	require.NoError(t, listener.Wait())
}

// TestHelperListens is no test: it listens until its standard input ends.
func TestHelperListens(t *testing.T) {
	if os.Getenv("NODESEC_TEST_LISTENS") == "" {
		t.Skip("runs in a process of another test")
	}
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, os.Stdin)
	require.NoError(t, err)
	require.NoError(t, listener.Close())
}

func TestNamespacesThatAreGoneAreForgotten(t *testing.T) {
	run, sidecar := newNetworkRun(t)
	run.scrape()
	assert.Len(t, run.scraper.network.known, 1)
	delete(run.table.groups, busy)
	delete(run.table.groups, sidecar)
	run.scrape()
	run.scrape()
	assert.Empty(t, run.scraper.network.known)
}
