// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestContainer(t *testing.T) {
	ordinary := []string{root, containerRoot, hostUser, newPrivileges, writableRoot, serviceAccountToken}
	with := func(more ...string) []string { return append(more, ordinary...) }
	for _, tt := range []struct {
		fixture string
		raised  []string
		caps    int64
	}{
		{"ordinary", ordinary, 14},
		{"distroless-nonroot", []string{hostUser}, 0},
		{"privileged", with(privileged, seccompOff, lsmUnconfined, hostPathMounted, writableHostPath, sensitiveHostPath, runtimeSocket), 41},
		{"privileged-nonroot", []string{privileged, hostUser, newPrivileges, seccompOff, lsmUnconfined, writableRoot, serviceAccountToken}, 0},
		{"host-network", with(hostNetwork, hostUTS, hostPathMounted), 15},
		{"host-pid-ipc", with(hostPID, hostIPC, lsmUnconfined, hostPathMounted, sensitiveHostPath), 14},
		{"runtime-socket", with(hostPathMounted, writableHostPath, sensitiveHostPath, runtimeSocket), 14},
		{"subpath-etc", with(hostPathMounted, sensitiveHostPath), 14},
		{"user-namespace", []string{containerRoot, newPrivileges, seccompOff, writableRoot, serviceAccountToken}, 41},
	} {
		t.Run(tt.fixture, func(t *testing.T) {
			node := fixtureNode(t)
			addContainer(t, node, tt.fixture, 4242)
			c, err := newReader(t, node).Container(4242)
			require.NoError(t, err)
			assert.ElementsMatch(t, tt.raised, raised(c.Facts, Property))
			assert.Equal(t, map[string]int64{"": tt.caps}, values(t, c.Facts, Capabilities))
			assert.Len(t, values(t, c.Facts, Property), len(properties())-1, "all but shared_process_namespace are known")
			assert.Len(t, values(t, c.Facts, Capability), len(capabilities()))
			assert.NotZero(t, c.PIDNamespace)
		})
	}
}

func TestContainerCapabilities(t *testing.T) {
	node := fixtureNode(t)
	addContainer(t, node, "host-network", 7)
	c, err := newReader(t, node).Container(7)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"chown", "dac_override", "fowner", "setgid", "setuid", "net_admin", "net_raw", "sys_chroot", "mknod", "setfcap",
	}, raised(c.Facts, Capability))
}

func TestContainerWhatIsUnknownIsAbsent(t *testing.T) {
	node := fixtureNode(t)
	process := addContainer(t, node, "ordinary", 4242)
	write(t, process, "status", "State:\tS (sleeping)\nUid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\n") // as Linux 3
	write(t, process, "attr/current", "")
	for _, path := range []string{"proc/4242/uid_map", "proc/4242/ns/user", "proc/1/mountinfo", "proc/sys/kernel/cap_last_cap"} {
		require.NoError(t, os.Remove(filepath.Join(node, path)))
	}
	c, err := newReader(t, node).Container(4242)
	require.ErrorContains(t, err, "proc/1/mountinfo")
	assert.Equal(t, map[string]int64{
		root: 1, containerRoot: 1, hostPID: 0, hostNetwork: 0, hostIPC: 0, hostUTS: 0, hostCgroup: 0, hostMount: 0,
		writableRoot: 1, serviceAccountToken: 1,
	}, values(t, c.Facts, Property))
}

func TestContainerNamespacesWithoutProcess1(t *testing.T) {
	node := fixtureNode(t)
	addContainer(t, node, "host-network", 4242)
	require.NoError(t, os.RemoveAll(filepath.Join(node, "proc/1/ns")))
	c, err := newReader(t, node).Container(4242)
	require.NoError(t, err)
	got := values(t, c.Facts, Property)
	assert.Equal(t, int64(1), got[hostUTS])
	assert.Equal(t, int64(0), got[hostPID])
	assert.NotContains(t, got, hostNetwork, "has no fixed number in most kernels")
}

func TestContainerVanished(t *testing.T) {
	node := fixtureNode(t)
	process := addContainer(t, node, "ordinary", 4242)
	r := newReader(t, node)
	_, err := r.Container(4243)
	require.ErrorIs(t, err, fs.ErrNotExist)
	status, err := os.ReadFile(filepath.Join(process, "status"))
	require.NoError(t, err)
	write(t, process, "status", "State:\tZ (zombie)\n"+string(status[len("Name:\tapp\nUmask:\t0022\nState:\tS (sleeping)\n"):]))
	c, err := r.Container(4242)
	require.ErrorIs(t, err, fs.ErrNotExist, "a zombie has no mounts any more")
	assert.Empty(t, c.Facts)
	require.NoError(t, os.Remove(filepath.Join(process, "status")))
	_, err = r.Container(4242)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestShareProcessNamespaces(t *testing.T) {
	r := newReader(t, fixtureNode(t))
	host := r.host[nsPID]
	containers := []Container{{PIDNamespace: 5}, {PIDNamespace: 6}, {PIDNamespace: 5}, {PIDNamespace: host}, {PIDNamespace: host}, {}, {}}
	r.ShareProcessNamespaces(containers)
	for i, want := range []int64{1, 0, 1, 0, 0} {
		assert.Equal(t, []Fact{{Property, sharedProcessNamespace, want}}, containers[i].Facts)
	}
	assert.Empty(t, containers[5].Facts)
}

// BenchmarkContainer reads a hundred and ten containers of a fixture, each with the mounts of a real one.
func BenchmarkContainer(b *testing.B) {
	node := fixtureNode(b)
	const count = 110
	for i := range count {
		addContainer(b, node, containerFixtures()[i%len(containerFixtures())], 1000+i)
	}
	r := newReader(b, node)
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		for i := range count {
			_, err := r.Container(1000 + i)
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkContainerHost reads this process of the running system, where the kernel makes the text of the files.
func BenchmarkContainerHost(b *testing.B) {
	r := newReader(b, "/")
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		_, err := r.Container(os.Getpid())
		require.NoError(b, err)
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}
