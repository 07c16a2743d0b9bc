// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

func TestProcessScrapeGolden(t *testing.T) {
	for _, tt := range []struct {
		golden    string
		configure []func(*Config)
	}{
		{"delta.yaml", nil},
		{"cumulative.yaml", []func(*Config){cumulative}},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			run := newProcessRun(t, tt.configure...)
			requireGolden(t, "testdata/process/golden/first-"+tt.golden, run.scrape())
			run.become("testdata/process/later")
			run.remove(zombie, "")
			requireGolden(t, "testdata/process/golden/second-"+tt.golden, run.scrape())
			assert.Zero(t, run.scraper.emitter.vanished)
		})
	}
}

func TestProcessHasNoCountersInTheFirstSampleUnlessItIsNewborn(t *testing.T) {
	run := newProcessRun(t)
	assert.False(t, has(processSample(run.scrape(), shell), "process.cpu.time"))
	run.become("testdata/process/later")
	metrics := run.scrape()
	sample := processSample(metrics, newborn)
	assert.InDelta(t, 0.08, value(t, sample, "process.cpu.time"), 1e-9)
	assert.Equal(t, 1.0, value(t, sample, "nodesec.quality.first"))
	assert.Equal(t, 2002*time.Millisecond, window(t, sample, "process.cpu.time"), "since it was born")
	assert.Equal(t, 3*time.Second, window(t, processSample(metrics, shell), "process.cpu.time"))
}

func TestAnotherProcessWithTheSameIDIsAnotherEntity(t *testing.T) {
	run := newProcessRun(t)
	before := processSample(run.scrape(), shell)
	run.wake(shell)
	run.edit(shell, "stat", " 334049 ", " 334700 ")
	run.edit(shell, "stat", "(bash)", "(dash)")
	after := processSample(run.scrape(), shell)
	assert.Equal(t, "2026-11-23T09:22:11.490Z", attribute(before, "process.creation.time"))
	assert.Equal(t, "2026-11-23T09:22:18.000Z", attribute(after, "process.creation.time"))
	assert.Equal(t, "dash", attribute(after, "process.executable.name"))
	assert.Equal(t, 1.0, value(t, after, "nodesec.quality.first"))
	assert.InDelta(t, 0.16, value(t, after, "process.cpu.time"), 1e-9, "counted from its birth")
}

func TestAProcessMetAgainIsNotTakenForANewborn(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	stat, err := os.ReadFile(run.file(threads, "stat"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(run.file(threads, "stat"), nil, 0o644))
	assert.NotContains(t, pids(run.scrape()), threads)
	assert.Equal(t, int64(1), run.scraper.emitter.readErrors)
	require.NoError(t, os.WriteFile(run.file(threads, "stat"), stat, 0o644))
	assert.False(t, has(processSample(run.scrape(), threads), "process.cpu.time"))
}

func TestAProcessThatVanishesCostsItsOwnSampleOnly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		vanish func(run *processRun)
	}{
		{"after it was listed", func(run *processRun) { run.remove(shell, "stat") }},
		{"after its stat was read", func(run *processRun) {
			// Its gate still tells that it runs; all else is gone.
			for _, file := range []string{"stat", "status", "io", "cgroup", "fd"} {
				run.remove(shell, file)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := newProcessRun(t)
			run.scrape()
			run.wake(shell)
			tt.vanish(run)
			assert.ElementsMatch(t, []int{kernelThread, threads, parent, zombie}, pids(run.scrape()))
			assert.Equal(t, int64(1), run.scraper.emitter.vanished)
			run.scrape()
			assert.Equal(t, int64(1), run.scraper.emitter.vanished, "it still is listed")
		})
	}
}

func TestAProcessThatVanishesAfterItsStatWasReadIsNoticed(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	table, e := run.scraper.table, &run.scraper.emitter
	p := table.known[threads]
	require.NoError(t, table.readStat(p))
	for _, file := range []string{"status", "io", "cgroup", "fd", "schedstat", "stat"} {
		run.remove(threads, file)
	}
	require.ErrorIs(t, table.read(e, p), fs.ErrNotExist)
}

func TestWhatAProcessDoesNotTellIsAbsentAndABitOfMissing(t *testing.T) {
	for _, tt := range []struct {
		file   string
		bit    source
		absent []string
	}{
		{"io", sourceProcessIO, []string{"process.disk.io", "nodesec.io.bytes", "nodesec.io.operations"}},
		{"status", sourceProcessStatus, []string{"process.context_switches", "nodesec.memory.swap", "nodesec.memory.shmem"}},
		{"fd", sourceProcessFD, []string{"process.unix.file_descriptor.count"}},
		{"cgroup", sourceProcessCgroup, nil},
	} {
		t.Run(tt.file, func(t *testing.T) {
			run := newProcessRun(t)
			run.scrape()
			run.become("testdata/process/later")
			run.remove(shell, tt.file)
			sample := processSample(run.scrape(), shell)
			assert.Equal(t, float64(tt.bit), value(t, sample, "nodesec.quality.missing"))
			assert.Equal(t, int64(1), run.scraper.emitter.readErrors)
			for _, name := range tt.absent {
				assert.False(t, has(sample, name), name)
			}
			assert.InDelta(t, 0.53, value(t, sample, "process.cpu.time"), 1e-9)
			assert.Zero(t, run.scraper.emitter.vanished)

			run.wake(shell)
			sample = processSample(run.scrape(), shell)
			assert.Equal(t, float64(tt.bit), value(t, sample, "nodesec.quality.missing"))
			assert.Zero(t, run.scraper.emitter.readErrors, "counted once")
		})
	}
}

func TestACounterThatFellGrewByItsValue(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	run.become("testdata/process/later")
	run.scrape()
	run.wake(shell)
	require.NoError(t, os.WriteFile(run.file(shell, "io"),
		[]byte("rchar: 5\nwchar: 6\nsyscr: 1\nsyscw: 2\nread_bytes: 0\nwrite_bytes: 0\n"), 0o644))
	sample := processSample(run.scrape(), shell)
	assert.Equal(t, 11.0, value(t, sample, "nodesec.io.bytes"))
	assert.Equal(t, 3.0, value(t, sample, "nodesec.io.operations"))
}

func TestTheWindowHoldsTheTimeThatTheMachineSlept(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	run.pass(time.Hour - 3*time.Second)
	run.become("testdata/process/later")
	sample := processSample(run.scrape(), shell)
	assert.Equal(t, time.Hour, window(t, sample, "process.cpu.time"))
	assert.InDelta(t, 0.53, value(t, sample, "process.cpu.time"), 1e-9)
	assert.Equal(t, 1199.0, value(t, sample, "nodesec.quality.missed_ticks"))
}

func TestTheWindowIsExactWhenTheClockWasSetOrTheScrapeIsLate(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	run.tick = run.tick.Add(time.Hour) // the clock was set, the time since boot was not
	run.late = 700 * time.Millisecond
	run.become("testdata/process/later")
	sample := processSample(run.scrape(), shell)
	assert.Equal(t, 3698*time.Millisecond, window(t, sample, "process.cpu.time"))
	assert.Equal(t, 700.0, value(t, sample, "nodesec.quality.skew_ms"))
}

func TestAnIdleProcessCountsZeroInEveryTick(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	for range 2 {
		sample := processSample(run.scrape(), parent)
		for _, name := range []string{"process.cpu.time", "process.paging.faults", "nodesec.io.bytes", "process.context_switches",
			"nodesec.run_queue.delay", "nodesec.quality.first", "nodesec.quality.missed_ticks"} {
			assert.Zero(t, value(t, sample, name), name)
		}
		assert.Equal(t, 3*time.Second, window(t, sample, "process.cpu.time"))
		assert.Equal(t, 3.0, value(t, sample, "process.unix.file_descriptor.count"))
	}
}

func TestTheMemoryOfAnIdleProcessIsUpToDate(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	run.edit(shell, "stat", " 765 ", " 700 ") // reclaimed
	assert.Equal(t, float64(700*os.Getpagesize()), value(t, processSample(run.scrape(), shell), "process.memory.usage"))
}

func TestAnExecChangesTheProfileOfAProcess(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	run.wake(shell)
	run.remove(shell, "exe")
	require.NoError(t, os.Symlink("/tmp/x (deleted)", run.file(shell, "exe")))
	require.NoError(t, os.WriteFile(run.file(shell, "cmdline"), []byte("x\x00--token=abc\x00"), 0o644))
	run.edit(shell, "stat", " 140733450811872 ", " 140733450811111 ") // another stack, the same name
	sample := processSample(run.scrape(), shell)
	assert.Equal(t, "/tmp/x (deleted)", attribute(sample, "process.executable.path"))
	assert.Equal(t, "x --token=[redacted]", attribute(sample, "process.command_line"))
	assert.Equal(t, "2026-11-23T09:22:11.490Z", attribute(sample, "process.creation.time"))
}

func TestCommandLineIsOffOnRequest(t *testing.T) {
	run := newProcessRun(t, func(cfg *Config) { cfg.Processes.CommandLine = commandLineOff })
	assert.Nil(t, attribute(processSample(run.scrape(), shell), "process.command_line"))
}

func TestProcessesOfATickAreCounted(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	counts := run.scraper.table.counts
	assert.True(t, counts.knowsProcesses)
	assert.Equal(t, int64(8), counts.threads)
	assert.Equal(t, int64(4), counts.processes[metadata.AttributeProcessStateSleeping])
	assert.Equal(t, int64(1), counts.processes[metadata.AttributeProcessStateDefunct])
}

func TestProcessesAreSummedByCgroup(t *testing.T) {
	const session = "/user.slice/user-1000.slice/session-1.scope"
	run := newProcessRun(t)
	run.scrape()
	table := run.scraper.table
	g := table.groups[session]
	require.NotNil(t, g)
	assert.Equal(t, []int64{2, 2, 3}, []int64{g.processes, g.threads, g.fileDescriptors})
	assert.Equal(t, parent, g.pid, "not the zombie")
	assert.Equal(t, sourceProcessFD, g.missing, "of the zombie")
	assert.Nil(t, table.groups["/user.slice"])

	run.become("testdata/process/later")
	run.scrape()
	assert.Equal(t, uint64(8), table.groups["/system.slice/busy.service"].growth.voluntary)
	run.wake(shell)
	require.NoError(t, os.WriteFile(run.file(shell, "cgroup"), []byte("0::"+session+"\n"), 0o644))
	run.scrape()
	assert.Nil(t, table.groups["/system.slice/busy.service"], "its only process moved")
	assert.Equal(t, int64(3), table.groups[session].processes)
}

func TestWalkOverIdleProcessesDoesNotAllocate(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	table, e := run.scraper.table, &run.scraper.emitter
	require.NoError(t, table.refresh(e))
	assert.Zero(t, testing.AllocsPerRun(20, func() { _ = table.refresh(e) }))
	assert.Len(t, table.list, 5)

	for _, p := range table.known {
		table.closeGate(p)
	}
	table.gates = 0 // too many processes to keep a file open of each
	require.NoError(t, table.refresh(e))
	assert.Zero(t, testing.AllocsPerRun(20, func() { _ = table.refresh(e) }))
	assert.Len(t, table.list, 5)
}

func TestAProcessIsReadInEveryTickWhereTheKernelKeepsNoSchedstat(t *testing.T) {
	run := newProcessRun(t)
	require.NoError(t, os.WriteFile(run.file(shell, "schedstat"), []byte("0 0 0\n"), 0o644))
	run.scrape()
	run.edit(shell, "stat", " 15 1 0 0 ", " 20 1 0 0 ")
	sample := processSample(run.scrape(), shell)
	assert.InDelta(t, 0.05, value(t, sample, "process.cpu.time"), 1e-9)
	assert.False(t, has(sample, "nodesec.run_queue.delay"))
	assert.Equal(t, float64(sourceProcessSchedstat), value(t, sample, "nodesec.quality.missing"))
}

func TestTheGateOfAProcessFollowsItsThreads(t *testing.T) {
	run := newProcessRun(t)
	run.scrape()
	run.wake(shell)
	run.edit(shell, "stat", " 20 0 1 0 334049 ", " 20 0 2 0 334049 ")
	run.scrape()
	run.edit(shell, "stat", " 15 1 0 0 ", " 25 1 0 0 ") // the other thread; schedstat stays as it is
	assert.InDelta(t, 0.1, value(t, processSample(run.scrape(), shell), "process.cpu.time"), 1e-9)
	run.edit(shell, "stat", " 20 0 2 0 334049 ", " 20 0 1 0 334049 ")
	run.scrape()
	assert.True(t, run.scraper.table.known[shell].gate.single)
}

func TestGatesAreGivenBack(t *testing.T) {
	run := newProcessRun(t)
	free := run.scraper.table.gates
	run.scrape()
	assert.Equal(t, free-5, run.scraper.table.gates)
	for _, pid := range []int{shell, threads, parent, zombie, kernelThread} {
		run.remove(pid, "")
	}
	run.scrape()
	assert.Equal(t, free, run.scraper.table.gates)
	assert.Empty(t, run.scraper.table.known)
	assert.Empty(t, run.scraper.table.groups)
}
