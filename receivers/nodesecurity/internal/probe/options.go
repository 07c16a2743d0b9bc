// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"math/bits"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// Options say what the programs need to know of the host before they are loaded.
type Options struct {
	// Controller is the v1 controller in whose hierarchy cgroups are told apart, by its name in /proc/self/cgroup
	// (memory, pids, cpu, cpuacct, blkio). Empty for the v2 hierarchy.
	Controller string
	// NewestCgroup is the highest cgroup ID at start.
	NewestCgroup uint64
	// MaxCgroups is how many cgroups can be counted apart at a time, slot 0 included.
	MaxCgroups int
	// CPUs is how many CPUs there can be.
	CPUs int
	// HostDevice is the kernel's number of the device of the node's root file system (major<<20 | minor).
	HostDevice uint32
	// WallOffset is what to add to the time since boot for the time since the epoch, ns. BeginTick renews it.
	WallOffset int64
	// Tables are the classes of executables, paths, ports and networks.
	Tables *classes.Tables
}

// maxShards bounds the memory of a slot: more CPUs share shards, which is right, because all additions are atomic, but
// slower when the same cgroup runs on both.
const maxShards = 8

// shards is how many shards of counters each slot has: a power of two.
func (o *Options) shards() int {
	if o.CPUs <= 1 {
		return 1
	}
	return min(1<<bits.Len(uint(o.CPUs-1)), maxShards)
}

// The sizes of maps that bound how much is remembered; what is evicted is the least recently used.
const (
	maxSeenExecutables = 16384
	maxCreatedFiles    = 8192
	maxSockets         = 32768
	maxFlows           = 8192
	eventBytes         = 256 << 10
	newsBytes          = 2 << 20
)

func (o *Options) mapSizes() map[string]uint32 {
	slots := uint32(o.MaxCgroups)
	return map[string]uint32{
		"shard_counters": slots * uint32(o.shards()),
		"slots":          slots,
		"distincts":      slots,
		"slot_by_cgroup": slots * 2, // removed cgroups keep their entry until the end of the tick
		"free_slots":     slots,
		"executables":    atLeastOne(len(o.Tables.Executables)),
		"paths":          atLeastOne(len(o.Tables.PathNodes)),
		"leaves":         atLeastOne(len(o.Tables.Leaves)),
		"directories":    atLeastOne(len(o.Tables.Directories)),
		"ports":          atLeastOne(len(o.Tables.Ports)),
		"networks":       atLeastOne(len(o.Tables.Networks)),
		"seen":           maxSeenExecutables,
		"created":        maxCreatedFiles,
		"sockets":        maxSockets,
		"flows":          maxFlows,
		"events":         eventBytes,
		"news":           newsBytes,
	}
}

func atLeastOne(n int) uint32 { return uint32(max(n, 1)) }
