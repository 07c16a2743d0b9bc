// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

func TestAnEventIsDecoded(t *testing.T) {
	e := bpfEvent{Time: 5, Cgroup: 6, Kind: uint32(EventBPFLoad), Pid: 7}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.Comm)), len(e.Comm)), "command")
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.Text)), len(e.Text)), strings.Repeat("t", len(e.Text)))
	got, ok := decodeEvent(bytesOf(&e))
	assert.True(t, ok)
	assert.Equal(t, Event{
		Time: 5, Cgroup: 6, Kind: EventBPFLoad, PID: 7, Command: "command", Text: strings.Repeat("t", len(e.Text)),
	}, got)
	_, ok = decodeEvent(bytesOf(&e)[:unsafe.Sizeof(e)-1])
	assert.False(t, ok)
}

func TestNewsOfCgroupsIsDecoded(t *testing.T) {
	made := bpfCgroupMade{News: bpfCgroupNews{Time: 5, Cgroup: 6, Kind: uint32(bpfCgroupNewsKindCGROUP_MADE)}}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&made.Path)), len(made.Path)), "/a/b")
	got, ok := decodeNews(bytesOf(&made))
	assert.True(t, ok)
	assert.Equal(t, CgroupNews{Time: 5, Cgroup: 6, Path: "/a/b"}, got)
	_, ok = decodeNews(bytesOf(&made)[:unsafe.Sizeof(made)-1])
	assert.False(t, ok)

	removed := bpfCgroupNews{Time: 7, Cgroup: 8, Kind: uint32(bpfCgroupNewsKindCGROUP_REMOVED)}
	got, ok = decodeNews(bytesOf(&removed))
	assert.True(t, ok)
	assert.Equal(t, CgroupNews{Time: 7, Cgroup: 8, Removed: true}, got)
	_, ok = decodeNews(bytesOf(&removed)[:unsafe.Sizeof(removed)-1])
	assert.False(t, ok)
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add(bytesOf(&bpfEvent{Time: 1, Cgroup: 2, Kind: 3, Pid: 4}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sample []byte) {
		e, ok := decodeEvent(sample)
		assert.Equal(t, len(sample) >= int(unsafe.Sizeof(bpfEvent{})), ok)
		assert.LessOrEqual(t, len(e.Command), len(bpfEvent{}.Comm))
		assert.LessOrEqual(t, len(e.Text), len(bpfEvent{}.Text))
		assert.NotContains(t, e.Command+e.Text, "\x00")
	})
}

func FuzzDecodeNews(f *testing.F) {
	f.Add(bytesOf(&bpfCgroupMade{News: bpfCgroupNews{Time: 1, Cgroup: 2, Kind: 1}}))
	f.Add(bytesOf(&bpfCgroupNews{Time: 1, Cgroup: 2, Kind: 2}))
	f.Fuzz(func(t *testing.T, sample []byte) {
		n, ok := decodeNews(sample)
		long := len(sample) >= int(unsafe.Sizeof(bpfCgroupMade{}))
		assert.Equal(t, long || n.Removed, ok)
		assert.LessOrEqual(t, len(n.Path), len(bpfCgroupMade{}.Path))
		assert.NotContains(t, n.Path, "\x00")
		assert.False(t, n.Removed && n.Path != "")
	})
}

func TestDistinctThingsAreEstimatedWithTheStatedError(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		things int
		stated float64
	}{{1, 0}, {2, 0.03}, {10, 0.02}, {100, 0.025}, {1000, 0.03}, {5000, 0.085}} {
		const trials = 500
		sum, squares := 0.0, 0.0
		for range trials {
			var d Distinct
			for range tt.things {
				hash := random.Uint64()
				d[DistinctPorts][hash>>6%16] |= 1 << (hash & 63)
			}
			off := float64(d.Estimate(DistinctPorts))/float64(tt.things) - 1
			sum += off
			squares += off * off
			assert.Zero(t, d.Estimate(DistinctAddresses))
		}
		deviation := math.Sqrt(squares / trials)
		t.Logf("%d things: standard error %.1f %%, bias %.1f %%", tt.things, deviation*100, sum/trials*100)
		assert.LessOrEqual(t, deviation, tt.stated, tt.things)
		assert.InDelta(t, 0, sum/trials, 0.02)
	}
	var full Distinct
	for i := range full[DistinctPorts] {
		full[DistinctPorts][i] = math.MaxUint64
	}
	assert.Equal(t, int64(7098), full.Estimate(DistinctPorts))
}

func TestCountersAreAddedAndSubtractedModuloTheirSize(t *testing.T) {
	before := Counters{SentBytes: 1, ReceivedBytes: 2, DNSBytes: 3}
	before.Counts[CountExec], before.Syscalls[1] = math.MaxUint32, math.MaxUint32-1
	now := Counters{SentBytes: 11, ReceivedBytes: 22, DNSBytes: 33}
	now.Counts[CountExec], now.Syscalls[1] = 1, 1
	var since Counters
	since.Since(&now, &before)
	assert.Equal(t, uint32(2), since.Counts[CountExec])
	assert.Equal(t, uint32(3), since.Syscalls[1])
	assert.Equal(t, [3]uint64{10, 20, 30}, [3]uint64{since.SentBytes, since.ReceivedBytes, since.DNSBytes})
	before.Add(&since)
	assert.Equal(t, now, before)
}

func TestShardsAreAPowerOfTwo(t *testing.T) {
	for cpus, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 8: 8, 9: 8, 256: 8} {
		o := Options{CPUs: cpus}
		assert.Equal(t, want, o.shards(), cpus)
	}
}

func TestLoadRefusesAnImpossibleNumberOfCgroups(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 1<<20 + 1} {
		_, err := Load(Options{MaxCgroups: n})
		assert.ErrorContains(t, err, "the number of cgroups must be 2 to 1048576")
	}
}
