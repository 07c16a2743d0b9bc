// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// formats are the parsers of the files of a container, with one text each as a kernel made it.
func formats() []struct {
	name  string
	parse func([]byte, *Stats) bool
	data  string
	want  Stats
} {
	n := known
	devices := &blockDevices{disk: map[string]bool{"253:0": false}} // all others are, for there is no such directory
	return []struct {
		name  string
		parse func([]byte, *Stats) bool
		data  string
		want  Stats
	}{
		{"cpu.stat, version 2", parseCPUStat,
			"usage_usec 2500\nuser_usec 1500\nsystem_usec 1000\nnr_periods 10\nnr_throttled 2\nthrottled_usec 35\nnr_bursts 0\n",
			Stats{CPUUsage: n(2_500_000), CPUUser: n(1_500_000), CPUSystem: n(1_000_000), Periods: n(10), ThrottledPeriods: n(2),
				ThrottledTime: n(35_000)}},
		{"cpu.stat, version 2 without the controller", parseCPUStat, "usage_usec 2500\nuser_usec 1500\nsystem_usec 1000\n",
			Stats{CPUUsage: n(2_500_000), CPUUser: n(1_500_000), CPUSystem: n(1_000_000)}},
		{"cpu.stat, version 1", parseCPUStat, "nr_periods 6\nnr_throttled 5\nthrottled_time 235475910\nnr_bursts 0\nburst_time 0\n",
			Stats{Periods: n(6), ThrottledPeriods: n(5), ThrottledTime: n(235475910)}},
		{"cpuacct.usage", parseCPUAcctUsage, "287515516\n", Stats{CPUUsage: n(287515516)}},
		{"cpuacct.stat", parseCPUAcctStat, "user 27\nsystem 1\n", Stats{CPUUser: n(270_000_000), CPUSystem: n(10_000_000)}},
		{"cpu.max", parseCPUMax, "50000 100000\n", Stats{CPUQuota: n(50000), CPUPeriod: n(100000)}},
		{"cpu.max without a limit", parseCPUMax, "max 100000\n", Stats{CPUPeriod: n(100000)}},
		{"cpu.cfs_quota_us", parseCFSQuota, "50000\n", Stats{CPUQuota: n(50000)}},
		{"cpu.cfs_quota_us without a limit", parseCFSQuota, "-1\n", Stats{}},
		{"cpu.cfs_period_us", parseCFSPeriod, "100000\n", Stats{CPUPeriod: n(100000)}},
		{"memory.current", parseMemoryUsage, "417792\n", Stats{MemoryUsage: n(417792)}},
		{"memory.max", parseMemoryMax, "99999744\n", Stats{MemoryMax: n(99999744)}},
		{"memory.max without a limit", parseMemoryMax, "max\n", Stats{}},
		{"memory.limit_in_bytes without a limit, pages of 4 KB", parseMemoryMax, "9223372036854771712\n", Stats{}},
		{"memory.limit_in_bytes without a limit, pages of 64 KB", parseMemoryMax, "9223372036854710272\n", Stats{}},
		{"memory.swap.current", parseMemorySwap, "0\n", Stats{MemorySwap: n(0)}},
		{"memory.kmem.usage_in_bytes", parseMemoryKernel, "20480\n", Stats{MemoryStat: MemoryStat{Kernel: n(20480)}}},
		{"memory.kmem.tcp.usage_in_bytes", parseMemorySockets, "4096\n", Stats{MemoryStat: MemoryStat{Sockets: n(4096)}}},
		{"memory.stat, version 2", parseMemoryStat, "anon 1\nfile 2\nkernel 3\nsock 4\nshmem 5\npgfault 6\npgmajfault 7\n",
			Stats{MemoryStat: MemoryStat{Anon: n(1), File: n(2), Kernel: n(3), Sockets: n(4), Shmem: n(5), Faults: n(6),
				MajorFaults: n(7)}}},
		{"memory.stat, version 1", parseMemoryStatV1, "rss 9\ntotal_rss 1\ntotal_cache 2\ntotal_swap 3\n",
			Stats{MemorySwap: n(3), MemoryStat: MemoryStat{Anon: n(1), File: n(2)}}},
		{"memory.events", parseMemoryEvents, "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n",
			Stats{MemoryEvents: MemoryEvents{Low: n(1), High: n(2), Max: n(3), OOM: n(4), OOMKill: n(5)}}},
		{"memory.failcnt", parseMemoryFailCount, "9\n", Stats{MemoryEvents: MemoryEvents{Max: n(9)}}},
		{"memory.oom_control", parseMemoryOOMControl, "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
			Stats{MemoryEvents: MemoryEvents{OOMKill: n(3)}}},
		{"io.stat", devices.parseIOStat,
			"8:16 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=9 dios=9\n253:0 rbytes=110 wbytes=220 rios=4 wios=6\n8:0 rbytes=10 wbytes=20 rios=3 wios=4 dbytes=0 dios=0\n",
			Stats{ReadBytes: n(110), WrittenBytes: n(220), Reads: n(4), Writes: n(6)}},
		{"io.stat, devices without numbers on the line of the next", devices.parseIOStat, "254:0 8:16 rbytes=1 wbytes=2 rios=3 wios=4 cost.usage=5\n",
			Stats{ReadBytes: n(1), WrittenBytes: n(2), Reads: n(3), Writes: n(4)}},
		{"io.stat without io", devices.parseIOStat, "", Stats{ReadBytes: n(0), WrittenBytes: n(0), Reads: n(0), Writes: n(0)}},
		{"blkio.throttle.io_service_bytes", devices.parseBlkIOBytes,
			"8:16 Read 100\n8:16 Write 200\n8:16 Sync 300\n8:16 Async 0\n8:16 Discard 0\n8:16 Total 300\n253:0 Read 107\n8:0 Read 7\n8:0 Write 0\nTotal 307\n",
			Stats{ReadBytes: n(107), WrittenBytes: n(200)}},
		{"blkio.throttle.io_serviced without io", devices.parseBlkIOOperations, "Total 0\n", Stats{Reads: n(0), Writes: n(0)}},
		{"pids.current", parsePIDs, "12\n", Stats{PIDs: n(12)}},
		{"pids.max", parsePIDsMax, "64\n", Stats{PIDsMax: n(64)}},
		{"pids.max without a limit", parsePIDsMax, "max\n", Stats{}},
		{"pids.events", parsePIDsEvents, "max 3\n", Stats{PIDsMaxEvents: n(3)}},
		{"cpu.pressure", parseCPUPressure, "some avg10=1.25 avg60=0.40 avg300=0.10 total=700\n", Stats{CPUPressure: procfs.Pressure{
			Some: procfs.Stall{Avg10: 1.25, Total: n(700)}}}},
		{"memory.pressure", parseMemoryPressure, "full avg10=0.50 avg60=0.10 avg300=0.02 total=300\n",
			Stats{MemoryPressure: procfs.Pressure{Full: procfs.Stall{Avg10: 0.5, Total: n(300)}}}},
		{"io.pressure", parseIOPressure, "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
			Stats{IOPressure: procfs.Pressure{Some: procfs.Stall{Total: n(0)}}}},
	}
}

func TestParse(t *testing.T) {
	for _, tt := range formats() {
		t.Run(tt.name, func(t *testing.T) {
			var s Stats
			data := []byte(tt.data)
			assert.True(t, tt.parse(data, &s))
			assert.Equal(t, tt.want, s)
			assert.Zero(t, testing.AllocsPerRun(10, func() { tt.parse(data, &s) }))
		})
	}
}

func TestParseOfAnotherFormat(t *testing.T) {
	for _, tt := range formats() {
		// These two tell no io by an empty text, so what is unknown is passed over.
		if strings.HasPrefix(tt.name, "io.stat") || strings.HasPrefix(tt.name, "blkio") || strings.HasSuffix(tt.name, "pressure") {
			continue
		}
		for _, text := range []string{"", "\n", "hello world\n", "99999999999999999999999\n", "1 x 3\n"} {
			t.Run(tt.name+" "+text, func(t *testing.T) {
				var s Stats
				assert.False(t, tt.parse([]byte(text), &s))
				assert.Equal(t, Stats{}, s)
			})
		}
	}
}

func TestParseMemoryStat(t *testing.T) {
	at := func(path string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", path, "memory.stat"))
		require.NoError(t, err)
		return data
	}
	for _, tt := range []struct {
		name  string
		data  []byte
		parse func([]byte, *Stats) bool
		want  Stats
	}{
		{"version 2", at("v2-containerd/sys/fs/cgroup/system.slice/sshd.service"), parseMemoryStat,
			Stats{MemoryStat: MemoryStat{
				Anon: known(10485760), File: known(4194304), Kernel: known(209715), Sockets: known(8192), Shmem: known(65536),
				FileDirty: known(12288), FileWriteback: known(4096), InactiveFile: known(1048576), Unevictable: known(0),
				Faults: known(5000), MajorFaults: known(3)}}},
		{"version 1", at("v1-docker/sys/fs/cgroup/memory/system.slice/sshd.service"), parseMemoryStatV1,
			Stats{MemorySwap: known(8192), MemoryStat: MemoryStat{
				Anon: known(10485760), File: known(4194304), Shmem: known(65536),
				FileDirty: known(12288), FileWriteback: known(4096), InactiveFile: known(1048576), Unevictable: known(0),
				Faults: known(5000), MajorFaults: known(3)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s Stats
			assert.True(t, tt.parse(tt.data, &s))
			assert.Equal(t, tt.want, s)
			assert.Zero(t, testing.AllocsPerRun(10, func() { tt.parse(tt.data, &s) }))
		})
	}
}

func TestCPULimit(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stats Stats
		want  float64
		ok    bool
	}{
		{"half a CPU", Stats{CPUQuota: known(50000), CPUPeriod: known(100000)}, 0.5, true},
		{"no limit", Stats{CPUPeriod: known(100000)}, 0, false},
		{"a period of zero", Stats{CPUQuota: known(50000), CPUPeriod: known(0)}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limit, ok := tt.stats.CPULimit()
			assert.Equal(t, tt.ok, ok)
			assert.InDelta(t, tt.want, limit, 0)
		})
	}
}

func TestWorkingSet(t *testing.T) {
	s := Stats{MemoryUsage: known(100), MemoryStat: MemoryStat{InactiveFile: known(30)}}
	bytes, ok := s.WorkingSet()
	assert.True(t, ok)
	assert.Equal(t, uint64(70), bytes)
	s.MemoryStat.InactiveFile = known(130) // the two files are not of the same moment
	bytes, ok = s.WorkingSet()
	assert.True(t, ok)
	assert.Zero(t, bytes)
	s.MemoryStat.InactiveFile = procfs.Number{}
	_, ok = s.WorkingSet()
	assert.False(t, ok)
}

// FuzzParse feeds each parser with any text: the first byte chooses the parser.
func FuzzParse(f *testing.F) {
	all := formats()
	for i, format := range all {
		f.Add(byte(i), []byte(format.data))
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		format := all[int(which)%len(all)]
		var s, again Stats
		ok := format.parse(data, &s)
		assert.Equal(t, ok, format.parse(data, &again))
		assert.Equal(t, s, again)
		// Lines of other fields, which newer kernels add, change nothing.
		if ok && strings.Contains(format.name, ".stat") && len(data) > 0 && data[len(data)-1] == '\n' {
			format.parse(append(data, "newer_field 12\n"...), &again)
			assert.Equal(t, s, again)
		}
	})
}
