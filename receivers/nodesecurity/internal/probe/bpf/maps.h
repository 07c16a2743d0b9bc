// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// The maps, and what user space sets before it loads the programs. User space sizes the maps.
#ifndef NODESEC_MAPS_H
#define NODESEC_MAPS_H

// Whether cgroups are told apart in the v2 hierarchy; else in the v1 hierarchy of the controller with this number.
const volatile bool cgroup_v2 = true;
const volatile u32 controller = 0;
// The highest cgroup ID when the programs were loaded. Kernfs gives IDs in ascending order.
const volatile u64 newest_cgroup = 0;
// Each slot has shards of counters, a power of two, so that CPUs rarely share one.
const volatile u32 shards = 1;
// The device of the node's root file system: what a task whose root is elsewhere opens on it is a host path.
const volatile u32 host_device = 0;
const volatile struct call calls[SYSCALLS] = {};
// Whether sched_process_exit has a second argument.
const volatile bool exit_tells_last = false;
const volatile u32 root_flags = 0; // struct path_value.flags of the root of paths
// The classes of paths that nothing ordinary should link to or reach by "..".
const volatile u64 sensitive_paths = 0;

// Set by user space at each tick.
struct tick {
	u32 epoch; // which bitmaps to mark distinct things in
	u32 unused;
	s64 wall_offset; // ns to add to CLOCK_BOOTTIME for the time since the epoch
} tick SEC(".data.tick") = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counters);
} shard_counters SEC(".maps"); // slot * shards + shard

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct distinct);
} distincts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LOST_KINDS);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u32);
} slot_by_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, u32);
} free_slots SEC(".maps");

// The cgroup that ran last on this CPU and its slot, in one word so that no interruption can tear them apart: the
// lower 44 bits of the ID and 20 bits of slot. Of two IDs that differ, those bits do too until 2^44 cgroups were made.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, ACTIONS);
	__type(key, u32);
	__type(value, u32);
} handlers SEC(".maps");

struct exe_name {
	char text[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct exe_name);
	__type(value, u64);
} executables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct path_key);
	__type(value, struct path_value);
} paths SEC(".maps");

struct name {
	char text[NAME];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct name);
	__type(value, u64);
} leaves SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct name);
	__type(value, u64);
} directories SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u16);
	__type(value, u32);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct network_key);
	__type(value, u32);
} networks SEC(".maps");

struct file_id {
	u64 inode;
	u64 cgroup; // 0: any
	u32 device;
	u32 unused;
};

// Executables that a cgroup has run.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct file_id);
	__type(value, u8);
} seen SEC(".maps");

// Files that were made while the programs ran.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct file_id);
	__type(value, u8);
} created SEC(".maps");

// The cgroup that a socket belongs to: in interrupts the current task is somebody else.
struct owner {
	u64 cgroup;
	u64 failed; // the connection, which has been counted
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, struct owner);
} sockets SEC(".maps");

// The address that a UDP socket sent to last, as a hash.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u64);
} flows SEC(".maps");

struct privileges {
	u32 euid;
	u32 unused;
	u64 capabilities;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct privileges);
} privileges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} news SEC(".maps");

#define ANCESTORS 32
#define STRING 4096 // PATH_MAX

// Room for what does not fit on the stack.
struct scratch {
	u64 names[ANCESTORS]; // struct qstr.name of the directories on the way to the root, the one below the root last
	char string[STRING];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static const u32 zero = 0;

#endif
