// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// newsOf returns the news of cgroups since it was called last.
func newsOf(t *testing.T, p *Probe) map[uint64][]CgroupNews {
	t.Helper()
	news := map[uint64][]CgroupNews{}
	require.NoError(t, p.News(func(n CgroupNews) { news[n.Cgroup] = append(news[n.Cgroup], n) }))
	return news
}

func TestCgroupsThatAreMadeAndRemovedAreTold(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		newsOf(t, h.probe)
		outer := filepath.Join(h.base, "nodesec-test-news")
		inner := filepath.Join(outer, "inner")
		require.NoError(t, os.Mkdir(outer, 0o755))
		require.NoError(t, os.Mkdir(inner, 0o755))
		ids := [2]uint64{inodeOf(outer), inodeOf(inner)}
		require.NoError(t, os.Remove(inner))
		require.NoError(t, os.Remove(outer))
		news := newsOf(t, h.probe)
		for i, path := range []string{"/nodesec-test-news", "/nodesec-test-news/inner"} {
			of := news[ids[i]]
			require.Len(t, of, 2)
			assert.False(t, of[0].Removed)
			assert.Equal(t, path, of[0].Path)
			assert.True(t, of[1].Removed)
			assert.Greater(t, of[1].Time, of[0].Time)
			assert.InDelta(t, sinceBoot().Seconds(), of[0].Time.Seconds(), 20)
		}
		assert.Empty(t, newsOf(t, h.probe))
	})
}

// Containers make a cgroup of the same name in each hierarchy.
func TestCgroupsOfOtherHierarchiesAreNotTold(t *testing.T) {
	hosts := allHosts()
	if len(hosts) < 2 {
		t.Skip("needs both hierarchies")
	}
	for i, h := range hosts {
		h.require(t)
		newsOf(t, h.probe)
		dir := hosts[1-i].cgroup(t)
		for _, of := range newsOf(t, h.probe) {
			for _, n := range of {
				assert.NotEqual(t, "/"+filepath.Base(dir), n.Path)
			}
		}
	}
}

func TestALongPathOfACgroupIsCut(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		newsOf(t, h.probe)
		path, paths := h.base, []string{}
		for range 4 {
			path = filepath.Join(path, strings.Repeat("x", 120))
			require.NoError(t, os.Mkdir(path, 0o755))
			paths = append(paths, path)
		}
		id := inodeOf(path)
		for i := range paths {
			require.NoError(t, os.Remove(paths[len(paths)-1-i]))
		}
		of := newsOf(t, h.probe)[id]
		require.Len(t, of, 2)
		assert.Equal(t, strings.TrimPrefix(path, h.base)[:len(bpfCgroupMade{}.Path)-1], of[0].Path)
	})
}

// small loads the programs once more, with few slots.
func (h *host) small(t *testing.T, slots int) *host {
	t.Helper()
	tables, err := classes.Compile(classes.NewDefaultConfig())
	require.NoError(t, err)
	p, err := Load(Options{
		Controller: h.controller, NewestCgroup: makeCgroup(h.base), MaxCgroups: slots, CPUs: runtime.NumCPU(), Tables: &tables,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	small := &host{name: h.name, controller: h.controller, base: h.base, loaded: true, probe: p}
	small.load.Do(func() {})
	require.NoError(t, small.beginTick())
	return small
}

// calls runs a process that does n calls of getppid in the cgroup.
func calls(t *testing.T, dir string, n int) {
	t.Helper()
	p := newMachine()
	p.loop(n, func() { p.call("getppid") })
	start(t, dir, p.file(t, directory(t), "caller")).finish(t)
}

func TestACgroupWithoutASlotIsCountedForTheNodeAndLaterGetsOne(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		h = h.small(t, 64)
		getppid := numberOf("getppid")
		var last Slot
		var dir string
		made := 0
		for ; ; made++ {
			require.Less(t, made, 64)
			dir = h.cgroup(t)
			calls(t, dir, 3)
			slot, ok := h.slot(dir)
			if !ok {
				break
			}
			last = slot
		}
		lost, _, _ := h.probe.Lost()
		assert.Positive(t, lost)
		var none Counters
		require.NoError(t, h.probe.Read(0, &none))
		assert.Equal(t, uint32(3), none.Syscalls[getppid])

		require.NoError(t, h.probe.Release(last))
		calls(t, dir, 5)
		slot, ok := h.slot(dir)
		require.True(t, ok)
		assert.Equal(t, last.Number, slot.Number)
		var own Counters
		require.NoError(t, h.probe.Read(slot.Number, &own))
		assert.Equal(t, uint32(3+5), own.Syscalls[getppid], "the counters count on")
	})
}

// unload frees the programs that tests share, for a test whose many cgroups would take all of their slots.
func unload(t *testing.T) {
	t.Helper()
	for _, h := range allHosts() {
		if h.loaded {
			require.NoError(t, h.probe.Close())
			h.loaded, h.load = false, sync.Once{}
		}
	}
}

func (h *host) slot(dir string) (Slot, bool) {
	id := inodeOf(dir)
	for s := range h.probe.Slots() {
		if s.Cgroup == id {
			return s, true
		}
	}
	return Slot{}, false
}

func TestSlotsAreReusedAndTheirCountsStayRight(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		h = h.small(t, 64)
		before := map[uint32]Counters{}
		used := map[uint32]int{}
		for i := range 150 {
			dir, err := os.MkdirTemp(h.base, "nodesec-test-reuse-")
			require.NoError(t, err)
			calls(t, dir, i+1)
			slot, ok := h.slot(dir)
			require.True(t, ok, strconv.Itoa(i))
			var now, own Counters
			require.NoError(t, h.probe.Read(slot.Number, &now))
			was := before[slot.Number]
			own.Since(&now, &was)
			assert.Equal(t, uint32(i+1), own.Syscalls[numberOf("getppid")])
			assert.Equal(t, uint32(1), own.Counts[CountExit])
			before[slot.Number] = now
			used[slot.Number]++
			require.NoError(t, os.Remove(dir))
			require.NoError(t, h.probe.Release(slot))
			_, ok = h.slot(dir)
			assert.False(t, ok)
		}
		assert.Less(t, len(used), 64)
		unattributed, events, cgroups := h.probe.Lost()
		assert.Equal(t, [3]uint64{}, [3]uint64{unattributed, events, cgroups})
	})
}
