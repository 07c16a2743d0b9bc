// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A shell's stat of Linux 6.18.
const shellStat = "5876 (bash) S 5857 5857 15579 0 -1 4194304 277 208 3 0 15 1 0 0 20 -5 1 0 334049 4464640 765 " +
	"18446744073709551615 94554949513216 94554950302621 140733450811872 0 0 0 65536 6 65536 1 0 0 17 1 0 0 0 0 0 " +
	"94554950535920 94554950584164 94555298959360 140733450816193 140733450816206 140733450816206 140733450817514 0\n"

func TestPIDStat(t *testing.T) {
	var s PIDStat
	require.NoError(t, s.Parse([]byte(shellStat)))
	assert.Equal(t, PIDStat{
		Comm: []byte("bash"), State: 'S', PPID: 5857, Flags: 4194304, MinorFaults: 277, MajorFaults: 3, UTime: 15, STime: 1,
		Nice: -5, Threads: 1, StartTime: 334049, VirtualSize: 4464640, RSS: 765, StackStart: 140733450811872,
	}, s)
	assert.Equal(t, 3340490*time.Millisecond, s.Start())
	assert.False(t, s.IsKernelThread())
	s.Flags = 2129984 // of kthreadd
	assert.True(t, s.IsKernelThread())
}

func TestPIDStatNamesMayHoldAnything(t *testing.T) {
	for _, name := range []string{"", "a b", "a) S 1 (b", "))", "((", "a\nb", "tmux: server"} {
		var s PIDStat
		require.NoError(t, s.Parse(bytes.Replace([]byte(shellStat), []byte("bash"), []byte(name), 1)), name)
		assert.Equal(t, name, string(s.Comm))
		assert.Equal(t, uint64(334049), s.StartTime)
	}
}

func TestPIDFilesOfAnotherFormatAreErrors(t *testing.T) {
	for name, parse := range map[string]func() error{
		"empty stat":        func() error { return new(PIDStat).Parse(nil) },
		"stat without name": func() error { return new(PIDStat).Parse([]byte("1 bash S 1")) },
		"short stat":        func() error { return new(PIDStat).Parse([]byte("1 (bash) S 1 2 3")) },
		"stat with a word": func() error {
			return new(PIDStat).Parse(bytes.Replace([]byte(shellStat), []byte("277"), []byte("x"), 1))
		},
		"empty status":         func() error { return new(PIDStatus).Parse(nil) },
		"status with a word":   func() error { return new(PIDStatus).Parse([]byte("Uid:\t0\tx\t0\t0\n")) },
		"empty io":             func() error { return new(PIDIO).Parse(nil) },
		"io with a word":       func() error { return new(PIDIO).Parse([]byte("rchar: x\n")) },
		"empty schedstat":      func() error { return new(PIDSchedstat).Parse(nil) },
		"short schedstat":      func() error { return new(PIDSchedstat).Parse([]byte("1 2\n")) },
		"stat without btime":   func() error { _, err := BootTime([]byte("cpu 1 2\n")); return err },
		"stat with a bad time": func() error { _, err := BootTime([]byte("btime x\n")); return err },
	} {
		require.ErrorIs(t, parse(), ErrFormat, name)
	}
}

func TestPIDStatus(t *testing.T) {
	var s PIDStatus
	require.NoError(t, s.Parse([]byte("Name:\tbash\nUid:\t1000\t1001\t1002\t1003\nRssShmem:\t       4 kB\nVmSwap:\t      12 kB\n"+
		"voluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t75\n")))
	assert.Equal(t, PIDStatus{
		UID: Number{1001, true}, RSSShmem: Number{4096, true}, Swap: Number{12288, true},
		Voluntary: Number{3, true}, Involuntary: Number{75, true},
	}, s)
	require.NoError(t, s.Parse([]byte("Uid:\t0\t0\t0\t0\n")))
	assert.Equal(t, PIDStatus{UID: Number{0, true}}, s, "a kernel thread has no memory of its own")
}

func TestPIDIO(t *testing.T) {
	var s PIDIO
	require.NoError(t, s.Parse([]byte("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n"+
		"cancelled_write_bytes: 7\n")))
	assert.Equal(t, PIDIO{1, 2, 3, 4, 5, 6}, s)
}

func TestPIDSchedstat(t *testing.T) {
	var s PIDSchedstat
	require.NoError(t, s.Parse([]byte("175714322 1413737652 78\n")))
	assert.Equal(t, PIDSchedstat{175714322, 1413737652, 78}, s)
}

func TestBootTime(t *testing.T) {
	booted, err := BootTime([]byte("cpu 1 2 3\nbtime 1795422391\nprocesses 1\n"))
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 11, 23, 8, 26, 31, 0, time.UTC), booted)
}

func TestPIDParsersDoNotAllocate(t *testing.T) {
	p, pid := openHost(t), os.Getpid()
	read := func(file string) []byte {
		data, err := p.ReadFile(pid, file)
		require.NoError(t, err)
		return bytes.Clone(data)
	}
	stat, status, io, schedstat := read("stat"), read("status"), read("io"), read("schedstat")
	var files struct {
		stat      PIDStat
		status    PIDStatus
		io        PIDIO
		schedstat PIDSchedstat
	}
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		_ = files.stat.Parse(stat)
		_ = files.status.Parse(status)
		_ = files.io.Parse(io)
		_ = files.schedstat.Parse(schedstat)
	}))
	assert.NotZero(t, files.stat.StartTime)
}

func FuzzPIDStat(f *testing.F) {
	f.Add([]byte(shellStat))
	f.Add([]byte("1 (a) b) R -1 0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s PIDStat
		if s.Parse(data) == nil {
			assert.Contains(t, string(data), "("+string(s.Comm)+")")
			assert.NotZero(t, s.State)
		}
	})
}

func FuzzPIDStatus(f *testing.F) {
	f.Add([]byte("Uid:\t0\t0\t0\t0\nVmSwap:\t 1 kB\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s PIDStatus
		if s.Parse(data) == nil {
			assert.Contains(t, string(data), "Uid:")
			assert.Zero(t, s.Swap.Value%kibibyte)
		}
	})
}

func FuzzPIDIO(f *testing.F) {
	f.Add([]byte("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s PIDIO
		if s.Parse(data) == nil {
			assert.GreaterOrEqual(t, bytes.Count(data, []byte(":")), 6)
		}
	})
}

func FuzzPIDSchedstat(f *testing.F) {
	f.Add([]byte("1 2 3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again PIDSchedstat
		if s.Parse(data) == nil {
			text := strconv.FormatUint(s.RunTime, 10) + " " + strconv.FormatUint(s.RunDelay, 10) + " " +
				strconv.FormatUint(s.Slices, 10)
			require.NoError(t, again.Parse([]byte(text)))
			assert.Equal(t, s, again)
		}
	})
}
