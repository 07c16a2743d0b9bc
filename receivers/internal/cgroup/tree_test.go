// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	idC = "0e768f8db752fcd648adb264498daa1d8f31562320e881d6a9ec593d24b1f779"
	idD = "66d6d4ac9851cfcab8400277ad96770ce52c1d75eeac29046753875056eacaed"
	idE = "9d1f7d2fd0cd66cf4b9d1c5b2be3e4a3a8a3f6f1b3e0a6d0d7c2c1a0f9e8d7c6"
)

// newTestTree returns a refreshed tree over a copy of a fixture, and the path of the copy's main mount.
func newTestTree(t *testing.T, fixture string, units bool) (tree *Tree, main string) {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS(filepath.Join("testdata", fixture))))
	h, err := Detect(root)
	require.NoError(t, err)
	tree = NewTree(h, units)
	t.Cleanup(tree.Close)
	require.NoError(t, tree.Refresh())
	return tree, h.Main.Dir
}

func paths(tree *Tree) (all []string) {
	for _, c := range tree.Containers() {
		all = append(all, c.Path)
	}
	return all
}

func find(t *testing.T, tree *Tree, path string) *Container {
	t.Helper()
	for _, c := range tree.Containers() {
		if c.Path == path {
			return c
		}
	}
	require.Fail(t, "no container", path)
	return nil
}

func TestContainers(t *testing.T) {
	burstable := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uidSlice + ".slice/cri-containerd-"
	static := "/kubepods.slice/kubepods-pod" + md5 + ".slice/cri-containerd-" + idC + ".scope"
	for _, tt := range []struct {
		fixture string
		units   bool
		want    []string
	}{
		{"v2-containerd", true, []string{
			"/batch", "/init.scope", burstable + idA + ".scope", burstable + idB + ".scope", static,
			"/system.slice/containerd.service", "/system.slice/sshd.service", "/user.slice/user-1000.slice/session-3.scope",
			"/user.slice/user-1000.slice/user@1000.service/init.scope",
		}},
		{"v2-containerd", false, []string{burstable + idA + ".scope", burstable + idB + ".scope", static}},
		{"v1-docker", true, []string{
			"/docker/" + idA, "/docker/" + idA + "/docker/" + idB, "/kubepods/besteffort/pod" + uid + "/" + idC,
			"/system.slice/sshd.service",
		}},
		{"hybrid-podman", true, []string{
			"/lxc.payload.web", "/machine.slice/libpod-" + idD + ".scope", "/machine.slice/libpod-conmon-" + idD + ".scope",
		}},
	} {
		t.Run(tt.fixture, func(t *testing.T) {
			tree, _ := newTestTree(t, tt.fixture, tt.units)
			assert.Equal(t, tt.want, paths(tree))
		})
	}
}

func TestContainersOwnTheCgroupsBelow(t *testing.T) {
	tree, _ := newTestTree(t, "v1-docker", true)
	outer, inner := "/docker/"+idA, "/docker/"+idA+"/docker/"+idB
	assert.Equal(t, "sshd.service", find(t, tree, "/system.slice/sshd.service").Name)
	for _, tt := range []struct{ cgroup, owner string }{
		{outer, outer},
		{outer + "/docker", outer},
		{outer + "/made/since", outer},
		{inner, inner},
		{inner + "/init.scope", inner},
		{"/system.slice/sshd.service/made-since", "/system.slice/sshd.service"},
	} {
		require.NotNil(t, tree.Owner(tt.cgroup), tt.cgroup)
		assert.Equal(t, tt.owner, tree.Owner(tt.cgroup).Path, tt.cgroup)
	}
	for _, cgroup := range []string{"", "/", "/docker", "/docker/", "/system.slice", "/none", "/system.slice/sshd"} {
		assert.Nil(t, tree.Owner(cgroup), cgroup)
	}
}

func TestContainerIDsCanNotBeTakenByAnotherCgroup(t *testing.T) {
	tree, main := newTestTree(t, "v1-docker", true)
	real := find(t, tree, "/docker/"+idA)
	inside, unit := "/docker/"+idA+"/docker/"+idB+"/docker/"+idA, "/a.slice/docker-"+idA+".scope"
	for _, path := range []string{inside, unit} {
		require.NoError(t, os.MkdirAll(filepath.Join(main, path), 0o750))
	}
	for range 2 {
		require.NoError(t, tree.Refresh())
		assert.Same(t, real, find(t, tree, "/docker/"+idA))
		assert.NotContains(t, paths(tree), inside)
		assert.Equal(t, idB, tree.Owner(inside).ContainerID)
		assert.Equal(t, Identity{Path: unit, Name: "docker-" + idA + ".scope"}, find(t, tree, unit).Identity)
	}

	require.NoError(t, os.RemoveAll(filepath.Join(main, "docker")))
	require.NoError(t, os.MkdirAll(filepath.Join(main, "docker", idA), 0o750))
	require.NoError(t, tree.Refresh())
	assert.Equal(t, idA, find(t, tree, "/docker/"+idA).ContainerID, "a container that was restarted keeps its ID")
}

func TestCgroupsBelowContainersAreBounded(t *testing.T) {
	tree, main := newTestTree(t, "v1-docker", true)
	flood := "/docker/" + idD
	name := func(i int) string { return filepath.Join(main, flood, "group", fmt.Sprintf("%064x", i)) }
	for i := range maxBelow + 100 {
		require.NoError(t, os.MkdirAll(name(i), 0o750))
	}
	others := len(tree.Containers())
	for range 2 {
		require.NoError(t, tree.Refresh())
		assert.Equal(t, others+1+maxBelow-1, len(tree.Containers()), "the container, and what is below without its group")
		assert.Equal(t, 1, tree.Overfull())
		assert.NotNil(t, tree.Owner(flood+"/group/"+fmt.Sprintf("%064x", maxBelow+50)))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(main, "docker", idE, "below"), 0o750))
	require.NoError(t, tree.Refresh())
	assert.Equal(t, idE, find(t, tree, "/docker/"+idE).ContainerID, "others are followed as ever")

	for i := range 200 {
		require.NoError(t, os.Remove(name(i)))
	}
	require.NoError(t, tree.Refresh())
	assert.Zero(t, tree.Overfull())
	assert.Equal(t, others+1+maxBelow-100+1, len(tree.Containers()))
}

func TestCgroupsOfVeryLongPathsAreNotFollowed(t *testing.T) {
	tree, main := newTestTree(t, "v1-docker", true)
	long := filepath.Join(main, "docker", idA)
	for len(long) < len(main)+maxPath+600 {
		long = filepath.Join(long, strings.Repeat("x", 200))
	}
	require.NoError(t, os.MkdirAll(long, 0o750))
	require.NoError(t, tree.Refresh())
	assert.Equal(t, 1, tree.Overfull())
	assert.Equal(t, idA, tree.Owner(strings.TrimPrefix(long, main)).ContainerID)
}

func TestRefreshFollowsTheDirectories(t *testing.T) {
	tree, main := newTestTree(t, "v1-docker", true)
	sshd := "/system.slice/sshd.service"
	before := find(t, tree, sshd)
	assert.False(t, before.Fresh, "older than the tree")

	require.NoError(t, os.MkdirAll(filepath.Join(main, "docker", idD), 0o750))
	require.NoError(t, tree.Refresh())
	assert.True(t, find(t, tree, "/docker/"+idD).Fresh)
	assert.Same(t, before, find(t, tree, sshd))

	// Replaced between two refreshes: the number of directories is the same.
	require.NoError(t, os.Rename(filepath.Join(main, sshd), filepath.Join(main, "gone")))
	require.NoError(t, os.Mkdir(filepath.Join(main, sshd), 0o750))
	require.NoError(t, os.RemoveAll(filepath.Join(main, "gone")))
	require.NoError(t, tree.Refresh())
	after := find(t, tree, sshd)
	assert.NotSame(t, before, after)
	assert.True(t, after.Fresh)
	assert.NotEqual(t, before.Inode, after.Inode)

	require.NoError(t, os.RemoveAll(filepath.Join(main, "docker")))
	require.NoError(t, tree.Refresh())
	assert.Equal(t, []string{"/kubepods/besteffort/pod" + uid + "/" + idC, sshd}, paths(tree))
}

func TestLeavesCountOnceTheyHoldProcesses(t *testing.T) {
	for fixture, file := range map[string]string{"v1-docker": "cgroup.procs", "v2-containerd": "cgroup.events"} {
		t.Run(fixture, func(t *testing.T) {
			tree, main := newTestTree(t, fixture, true)
			leaf := filepath.Join(main, "jobs")
			require.NoError(t, os.Mkdir(leaf, 0o750))
			require.NoError(t, tree.Refresh())
			assert.NotContains(t, paths(tree), "/jobs")

			require.NoError(t, os.WriteFile(filepath.Join(leaf, file), []byte("populated 1\n"), 0o600))
			require.NoError(t, tree.Refresh())
			assert.Contains(t, paths(tree), "/jobs")
			assert.False(t, find(t, tree, "/jobs").Fresh, "the directory was there before")

			require.NoError(t, os.WriteFile(filepath.Join(leaf, file), nil, 0o600))
			require.NoError(t, tree.Refresh())
			assert.Contains(t, paths(tree), "/jobs", "its series has no gap")

			require.NoError(t, os.Mkdir(filepath.Join(leaf, "one"), 0o750))
			require.NoError(t, os.WriteFile(filepath.Join(leaf, "one", file), []byte("populated 1\n"), 0o600))
			require.NoError(t, tree.Refresh())
			assert.NotContains(t, paths(tree), "/jobs", "a group now")
			assert.Contains(t, paths(tree), "/jobs/one")
		})
	}
}

func TestReadVersion2(t *testing.T) {
	tree, _ := newTestTree(t, "v2-containerd", true)
	var s Stats
	missing, err := tree.Read(tree.Containers()[2], &s)
	require.NoError(t, err)
	assert.Zero(t, missing)
	assert.Equal(t, known(10_000_000_000), s.CPUUsage)
	assert.Equal(t, known(50000), s.CPUQuota)
	assert.Equal(t, known(67108864), s.MemoryMax)
	assert.Equal(t, known(41943040), s.MemoryStat.Anon)
	assert.Equal(t, known(180224), s.ReadBytes)
	assert.Equal(t, known(512), s.PIDsMax)
	assert.Equal(t, known(120000), s.IOPressure.Some.Total)
	missing, err = tree.Read(find(t, tree, "/init.scope"), &s)
	require.NoError(t, err)
	assert.Zero(t, missing)
	assert.Zero(t, s.MemoryMax, "nothing is left of the one before")
}

func TestReadVersion1(t *testing.T) {
	tree, _ := newTestTree(t, "v1-docker", true)
	var s Stats
	missing, err := tree.Read(find(t, tree, "/docker/"+idA), &s)
	require.NoError(t, err)
	assert.Equal(t, SourcePressure, missing)
	assert.Equal(t, known(10_000_000_000), s.CPUUsage)
	assert.Equal(t, known(6_000_000_000), s.CPUUser)
	assert.Equal(t, known(28), s.ThrottledPeriods)
	assert.Equal(t, known(81920), s.MemoryStat.Kernel)
	assert.Equal(t, known(32768), s.MemorySwap)
	assert.Equal(t, known(180224), s.ReadBytes)
	assert.Equal(t, known(44), s.Reads)
}

func TestReadOfAHybrid(t *testing.T) {
	tree, _ := newTestTree(t, "hybrid-podman", true)
	var s Stats
	missing, err := tree.Read(find(t, tree, "/machine.slice/libpod-"+idD+".scope"), &s)
	require.NoError(t, err)
	assert.Equal(t, SourceIO, missing, "nobody counts io here: the root names no device")
	assert.False(t, s.ReadBytes.Known)
	assert.Equal(t, known(700), s.CPUPressure.Some.Total)

	missing, err = tree.Read(find(t, tree, "/lxc.payload.web"), &s)
	require.NoError(t, err)
	assert.Equal(t, SourceIO|SourcePressure|SourceCPU|SourceCPUBandwidth, missing, "in some hierarchies only")
	assert.False(t, s.CPUUsage.Known)
	assert.Equal(t, known(10485760), s.MemoryStat.Anon)
}

func TestReadFindsAControllerThatIsSwitchedOnLater(t *testing.T) {
	tree, main := newTestTree(t, "v2-containerd", true)
	c := find(t, tree, "/batch")
	file, hidden := filepath.Join(main, "batch/pids.max"), filepath.Join(main, "hidden")
	require.NoError(t, os.Rename(file, hidden))
	var s Stats
	for range recheckAbsent + 1 {
		missing, err := tree.Read(c, &s)
		require.NoError(t, err)
		require.Equal(t, SourcePIDs, missing)
	}
	require.NoError(t, os.Rename(hidden, file))
	reads := 0
	for missing := SourcePIDs; missing != 0; reads++ {
		var err error
		missing, err = tree.Read(c, &s)
		require.NoError(t, err)
		require.LessOrEqual(t, reads, recheckAbsent)
	}
}

func TestReadOfAContainerThatIsGone(t *testing.T) {
	tree, main := newTestTree(t, "v2-containerd", true)
	c := find(t, tree, "/batch")
	var s Stats
	// Moved, not removed, so that a file system on disk can not use its inode number again.
	require.NoError(t, os.Rename(filepath.Join(main, "batch"), filepath.Join(main, "gone")))
	_, err := tree.Read(c, &s)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.Mkdir(filepath.Join(main, "batch"), 0o750))
	_, err = tree.Read(c, &s)
	require.ErrorIs(t, err, fs.ErrNotExist, "another of the same name")
}

func TestRefreshOfAMountThatIsGone(t *testing.T) {
	tree, main := newTestTree(t, "v2-containerd", true)
	require.NoError(t, os.RemoveAll(main))
	require.ErrorIs(t, tree.Refresh(), fs.ErrNotExist)
}

func TestOpenFilesAreBoundedAndGivenBack(t *testing.T) {
	tree, main := newTestTree(t, "v2-containerd", true)
	tree.files.free = 20
	var s Stats
	for range 2 {
		for _, c := range tree.Containers() {
			missing, err := tree.Read(c, &s)
			require.NoError(t, err)
			require.Zero(t, missing)
		}
		assert.Zero(t, tree.files.free)
	}
	require.NoError(t, os.RemoveAll(filepath.Join(main, "batch"))) // the first one, which has kept all of its files
	require.NoError(t, tree.Refresh())
	assert.Equal(t, len(tree.files.all), tree.files.free)
	tree.Close()
	assert.Equal(t, 20, tree.files.free)
}

func TestSteadyStateAllocatesLittle(t *testing.T) {
	tree, _ := newTestTree(t, "v2-containerd", true)
	var s Stats
	c := find(t, tree, "/batch")
	read := func() {
		_, err := tree.Read(c, &s)
		require.NoError(t, err)
	}
	read()
	assert.Zero(t, testing.AllocsPerRun(100, read))
}
