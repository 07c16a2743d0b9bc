// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// world is a host with cgroups v1 in a folder, and the kernel that counts for it.
type world struct {
	t      *testing.T
	memory string
	kernel *kernel
	a      *attribution
	now    time.Duration
}

func newWorld(t *testing.T) *world {
	root := t.TempDir()
	w := &world{t: t, memory: filepath.Join(root, "sys/fs/cgroup/memory"), kernel: newKernel(8), now: 100 * time.Second}
	require.NoError(t, os.MkdirAll(w.memory, 0o755))
	hierarchy, err := cgroup.Detect(root)
	require.NoError(t, err)
	tree := cgroup.NewTree(hierarchy, true)
	t.Cleanup(tree.Close)
	require.NoError(t, tree.Refresh())
	n := &names{attributes: metadata.DefaultResourceAttributesConfig(), host: "node-1"}
	w.a = newAttribution(w.kernel, tree, n, w.now)
	return w
}

// mkdir makes a cgroup and returns its ID.
func (w *world) mkdir(path string) uint64 {
	dir := filepath.Join(w.memory, path)
	require.NoError(w.t, os.MkdirAll(dir, 0o755))
	var st syscall.Stat_t
	require.NoError(w.t, syscall.Stat(dir, &st))
	return st.Ino
}

// tick lets a second pass, attributes what was counted and returns how many programs were executed where, by path.
func (w *world) tick() map[string]int64 {
	w.now += time.Second
	require.NoError(w.t, w.a.refresh(w.now))
	execs := map[string]int64{
		"node": execsOf(w.a.node), "/": execsOf(w.a.outside),
	}
	for c, e := range w.a.entities {
		execs[c.Path] = execsOf(e)
	}
	return execs
}

func (w *world) forget() { require.NoError(w.t, w.a.forget(func(uint64) bool { return true })) }

func execsOf(e *entity) int64 { return int64(e.activity.counters.Counts[probe.CountExec]) }

func (w *world) exec(cgroup uint64, n uint32) { w.kernel.in(cgroup).Counts[probe.CountExec] += n }

// id is a container ID.
func id(digit string) string { return strings.Repeat(digit, 64) }

func docker(digit string) string { return "/docker/" + id(digit) }

func TestCountsBelongToTheContainerOfTheirCgroupAndToTheNode(t *testing.T) {
	w := newWorld(t)
	one, two := w.mkdir(docker("1")), w.mkdir(docker("2"))
	below := w.mkdir(docker("1") + "/inside/of/it")
	w.exec(one, 3)
	w.exec(below, 4)
	w.exec(1<<40, 5) // a cgroup of which nothing is known
	assert.Equal(t, map[string]int64{docker("1"): 7, docker("2"): 0, "/": 5, "node": 12}, w.tick())
	w.forget()
	w.exec(two, 1)
	assert.Equal(t, map[string]int64{docker("1"): 0, docker("2"): 1, "/": 0, "node": 1}, w.tick(), "only what is new")
}

func TestWhatFoundNoSlotBelongsToTheNode(t *testing.T) {
	w := newWorld(t)
	w.kernel.counters[0].Counts[probe.CountExec] = 6
	assert.Equal(t, map[string]int64{"/": 0, "node": 6}, w.tick())
}

func TestACountThatPassesTheEndOfItsBitsGoesOn(t *testing.T) {
	w := newWorld(t)
	one := w.mkdir(docker("1"))
	w.exec(one, 1<<32-1)
	w.tick()
	w.exec(one, 3) // is 2 now
	assert.EqualValues(t, 3, w.tick()[docker("1")])
}

func TestAContainerThatGoesIsCountedToItsEndAndItsSlotStartsAnew(t *testing.T) {
	w := newWorld(t)
	one := w.mkdir(docker("1"))
	w.exec(one, 2)
	w.tick()
	w.forget()

	w.exec(one, 5)
	require.NoError(t, os.Remove(filepath.Join(w.memory, docker("1"))))
	w.kernel.removes(one)
	assert.EqualValues(t, 5, w.tick()[docker("1")], "what it did before it went")
	w.forget()
	assert.Zero(t, w.kernel.slots[1].Cgroup, "the slot is free")
	assert.NotContains(t, w.tick(), docker("1"))

	two := w.mkdir(docker("2"))
	w.exec(two, 1)
	require.EqualValues(t, two, w.kernel.slots[1].Cgroup, "in the slot of the first")
	assert.EqualValues(t, 1, w.tick()[docker("2")], "without what the first counted")
}

func TestAContainerThatLivesForLessThanATickIsKnownByTheNewsOfIt(t *testing.T) {
	w := newWorld(t)
	pod := "/kubepods/burstable/pod0b5d3b8a-8f0c-4b53-9fb1-3c5a3c7b6a01/" + id("a")
	w.kernel.makes(77, pod, w.now+300*time.Millisecond)
	w.kernel.makes(78, pod+"/below", w.now+400*time.Millisecond)
	w.exec(77, 2)
	w.exec(78, 1)
	w.kernel.removes(78)
	w.kernel.removes(77)
	assert.Equal(t, map[string]int64{pod: 3, "/": 0, "node": 3}, w.tick())
	for c, e := range w.a.entities {
		assert.Equal(t, id("a"), c.ContainerID)
		assert.Equal(t, "0b5d3b8a-8f0c-4b53-9fb1-3c5a3c7b6a01", c.PodUID)
		assert.True(t, e.byNews)
		assert.Equal(t, 700*time.Millisecond, e.window(w.now, false), "since it was made")
	}
	w.forget()
	assert.Equal(t, map[string]int64{"/": 0, "node": 0}, w.tick(), "it is gone")
	assert.Empty(t, w.a.made)
	assert.Zero(t, w.kernel.slots[1].Cgroup)
}

func TestAContainerMadeSinceThePreviousTickBeganThen(t *testing.T) {
	w := newWorld(t)
	w.tick()
	w.forget()
	made := w.now + 250*time.Millisecond
	one := w.mkdir(docker("1"))
	w.kernel.makes(one, docker("1"), made)
	w.exec(one, 1)
	w.tick()
	for _, e := range w.a.entities {
		assert.False(t, e.byNews)
		assert.Equal(t, 750*time.Millisecond, e.window(w.now, false))
	}
}

func TestTheProgramsAreToldWhenAnOldContainerWasMade(t *testing.T) {
	w := newWorld(t)
	one := w.mkdir(docker("1"))
	w.exec(one, 1)
	w.tick()
	assert.WithinDuration(t, time.Now(), w.kernel.made[one], time.Minute)
}

func TestSlotsOfCgroupsWhoseNewsWasLostAreReleasedToo(t *testing.T) {
	w := newWorld(t)
	w.exec(77, 1)
	w.exec(78, 1)
	w.tick()
	alive := func(cgroup uint64) bool { return cgroup == 78 }
	require.NoError(t, w.a.forget(alive))
	assert.NotZero(t, w.kernel.slots[1].Cgroup, "nobody said that it is gone")
	w.kernel.newsLost = 1
	require.NoError(t, w.a.forget(alive))
	assert.Zero(t, w.kernel.slots[1].Cgroup)
	assert.NotZero(t, w.kernel.slots[2].Cgroup, "this one is there")
}

func TestIsCgroupAsksTheKernel(t *testing.T) {
	base := "/sys/fs/cgroup"
	for _, dir := range []string{base + "/memory", base + "/unified"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			base = dir
		}
	}
	dir, err := os.MkdirTemp(base, "nodesec-test-")
	if err != nil {
		t.Skipf("needs to make a cgroup: %v", err)
	}
	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(dir, &st))
	assert.True(t, isCgroup(base, st.Ino))
	require.NoError(t, os.Remove(dir))
	assert.False(t, isCgroup(base, st.Ino))
	assert.True(t, isCgroup("/no/such/folder", st.Ino), "if nobody can tell, it is taken for one")
}
