// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// hostMounts returns the mounts of the running system's controllers, each once.
func hostMounts(tb testing.TB) (h *Hierarchy, mounts []string) {
	tb.Helper()
	h, err := Detect("/")
	if err != nil {
		tb.Skip("needs cgroups: ", err)
	}
	for _, m := range []Mount{h.CPU, h.CPUAcct, h.Memory, h.IO, h.PIDs, h.Unified, h.Main} {
		if m.Present() && !slices.Contains(mounts, m.Dir) {
			mounts = append(mounts, m.Dir)
		}
	}
	return h, mounts
}

// makeCgroup makes a cgroup of the running system in all hierarchies, and removes it when the test is over.
func makeCgroup(tb testing.TB, mounts []string, path string) {
	tb.Helper()
	for _, mount := range mounts {
		dir := filepath.Join(mount, path)
		if err := os.Mkdir(dir, 0o755); err != nil {
			tb.Skip("needs the right to make cgroups: ", err)
		}
		tb.Cleanup(func() { removeCgroup(tb, dir) })
	}
}

// removeCgroup removes a directory; that of a process that was just killed is busy for a moment.
func removeCgroup(tb testing.TB, dir string) {
	tb.Helper()
	for range 100 {
		if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	tb.Error("cgroup stays: ", dir)
}

// startIn runs a shell script in the cgroup, in all hierarchies.
func startIn(t *testing.T, mounts []string, path, script string) *exec.Cmd {
	t.Helper()
	var join strings.Builder
	for _, mount := range mounts {
		fmt.Fprintf(&join, "echo $$ > %s/cgroup.procs\n", filepath.Join(mount, path))
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", join.String()+script)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	return cmd
}

func numberIn(t *testing.T, path ...string) uint64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	require.NoError(t, err)
	return n
}

func TestReadOfTheRunningSystem(t *testing.T) {
	h, mounts := hostMounts(t)
	if h.Main.V2 || !h.CPUAcct.Present() || !h.PIDs.Present() || !h.Memory.Present() || h.CPUAcct.V2 {
		t.Skip("needs version 1 of the controllers cpuacct, memory and pids")
	}
	path := fmt.Sprintf("/nodesec-test-%d.service", os.Getpid())
	tree := NewTree(h, true)
	defer tree.Close()
	require.NoError(t, tree.Refresh())
	makeCgroup(t, mounts, path)
	start := time.Now()
	require.NoError(t, os.WriteFile(filepath.Join(h.PIDs.Dir, path, "pids.max"), []byte("50"), 0o600))
	// Some CPU time, 20 MB of memory, and processes that wait.
	worker := startIn(t, mounts, path, `i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done
x=$(head -c 20000000 /dev/zero | tr '\0' x)
for i in 1 2 3 4 5; do sleep 600 & done; wait`)
	memory := filepath.Join(h.Memory.Dir, path)
	require.Eventually(t, func() bool {
		return numberIn(t, memory, "memory.usage_in_bytes") > 20_000_000 && numberIn(t, h.PIDs.Dir, path, "pids.current") == 6
	}, time.Minute, 20*time.Millisecond)

	require.NoError(t, tree.Refresh())
	c := find(t, tree, path)
	assert.True(t, c.Fresh)
	assert.WithinDuration(t, start, c.Made, time.Second)
	var s Stats
	for range 2 { // opened, then read again
		least := numberIn(t, h.CPUAcct.Dir, path, "cpuacct.usage")
		missing, err := tree.Read(c, &s)
		require.NoError(t, err)
		assert.Zero(t, missing&^(SourceIO|SourcePressure|SourceCPUBandwidth))
		assert.GreaterOrEqual(t, s.CPUUsage.Value, least)
		assert.LessOrEqual(t, s.CPUUsage.Value, numberIn(t, h.CPUAcct.Dir, path, "cpuacct.usage"))
	}
	assert.Greater(t, s.CPUUsage.Value, uint64(100*time.Millisecond))
	// The kernel counts these in clock ticks, by what runs when the clock ticks.
	assert.InEpsilon(t, s.CPUUsage.Value, s.CPUUser.Value+s.CPUSystem.Value, 0.5)
	assert.InDelta(t, numberIn(t, memory, "memory.usage_in_bytes"), s.MemoryUsage.Value, 2<<20)
	assert.Greater(t, s.MemoryStat.Anon.Value, uint64(18_000_000))
	assert.Greater(t, s.MemoryStat.Faults.Value, uint64(1000))
	assert.Equal(t, known(6), s.PIDs)
	assert.Equal(t, known(50), s.PIDsMax)

	require.NoError(t, worker.Process.Kill())
	_ = worker.Wait()
	killAll(t, filepath.Join(memory, "cgroup.procs"))
	for _, mount := range mounts {
		removeCgroup(t, filepath.Join(mount, path))
	}
	_, err := tree.Read(c, &s)
	require.ErrorIs(t, err, fs.ErrNotExist, "the open files of a removed cgroup are of no use")
	require.NoError(t, tree.Refresh())
	assert.NotContains(t, paths(tree), path)
}

// killAll ends the processes in the cgroup of a test.
func killAll(t *testing.T, procs string) {
	t.Helper()
	data, err := os.ReadFile(procs)
	require.NoError(t, err)
	for field := range strings.FieldsSeq(string(data)) {
		pid, err := strconv.Atoi(field)
		require.NoError(t, err)
		process, err := os.FindProcess(pid)
		require.NoError(t, err)
		_ = process.Kill()
	}
}

func TestRefreshOfTheRunningSystem(t *testing.T) {
	h, mounts := hostMounts(t)
	path := fmt.Sprintf("/nodesec-test-%d-replaced.service", os.Getpid())
	makeCgroup(t, mounts, path)
	tree := NewTree(h, true)
	defer tree.Close()
	require.NoError(t, tree.Refresh())
	first := find(t, tree, path)
	require.NoError(t, tree.Refresh())
	assert.Same(t, first, find(t, tree, path))
	for _, mount := range mounts {
		require.NoError(t, os.Remove(filepath.Join(mount, path)))
		require.NoError(t, os.Mkdir(filepath.Join(mount, path), 0o755))
	}
	require.NoError(t, tree.Refresh())
	second := find(t, tree, path)
	assert.NotEqual(t, first.Inode, second.Inode)
	assert.True(t, second.Fresh)
}

// cpuTime is what this process used so far; a benchmark's own time includes waiting for the CPU.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkTree refreshes and reads containers of the running system that do nothing, as one scrape does.
func BenchmarkTree(b *testing.B) {
	for _, containers := range []int{110, 5000} {
		b.Run(fmt.Sprintf("containers=%d", containers), func(b *testing.B) {
			h, mounts := hostMounts(b)
			parent := fmt.Sprintf("/nodesec-bench-%d", os.Getpid())
			makeCgroup(b, mounts, parent)
			for i := range containers {
				makeCgroup(b, mounts, fmt.Sprintf("%s/docker-%064x.scope", parent, i))
			}
			for name, open := range map[string]int{"kept": maxDescriptors, "reopened": 0} {
				b.Run(name, func(b *testing.B) {
					tree := NewTree(h, false)
					defer tree.Close()
					tree.files.free = open
					var s Stats
					scrape := func() {
						require.NoError(b, tree.Refresh())
						require.Len(b, tree.Containers(), containers)
						for _, c := range tree.Containers() {
							_, err := tree.Read(c, &s)
							require.NoError(b, err)
						}
					}
					scrape()
					b.ReportAllocs()
					before := cpuTime(b)
					for b.Loop() {
						scrape()
					}
					b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
				})
			}
			b.Run("refresh", func(b *testing.B) {
				tree := NewTree(h, false)
				require.NoError(b, tree.Refresh())
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, tree.Refresh())
				}
			})
		})
	}
}
