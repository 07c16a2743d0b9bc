// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// From a task to the counters of its cgroup.
#ifndef NODESEC_SLOT_H
#define NODESEC_SLOT_H

#define SLOT_BITS 20

#define count_up(counter) __sync_fetch_and_add(&(counter), 1)

static __always_inline void count_lost(u32 reason)
{
	u64 *n = bpf_map_lookup_elem(&losses, &reason);

	if (n)
		count_up(*n);
}

// The ID is the inode number of the cgroup's directory (fs/kernfs, 64-bit hosts).
static __always_inline u64 cgroup_of(struct task_struct *task)
{
	if (cgroup_v2)
		return task->cgroups->dfl_cgrp->kn->id;
	// As subsys[controller], but clang can not relocate an access whose index is a variable. The verifier knows the
	// index, which is constant by then, and so the type of what is there.
	struct cgroup_subsys_state **state =
		(void *)task->cgroups + bpf_core_field_offset(struct css_set, subsys) + controller * sizeof(void *);

	return (*state)->cgroup->kn->id;
}

static __always_inline struct counters *counters_of(u32 slot)
{
	u32 index = slot * shards + (bpf_get_smp_processor_id() & (shards - 1));

	return bpf_map_lookup_elem(&shard_counters, &index);
}

// take_slot gives the cgroup a slot of its own. Two CPUs may try at once: one of them wins and the other gives its slot
// back. Without a free slot it is slot 0, which the node alone counts.
__noinline u32 take_slot(u64 cgroup)
{
	u32 slot = 0;

	if (bpf_map_pop_elem(&free_slots, &slot)) {
		count_lost(LOST_SLOT);
		return 0;
	}
	struct slot *s = bpf_map_lookup_elem(&slots, &slot);

	if (!s)
		return 0;
	s->born = bpf_ktime_get_boot_ns();
	s->made = cgroup > newest_cgroup ? s->born + tick.wall_offset : 0;
	s->execs = 0;
	s->first = 0;
	s->cgroup = cgroup;
	if (bpf_map_update_elem(&slot_by_cgroup, &cgroup, &slot, BPF_NOEXIST) == 0)
		return slot;
	s->cgroup = 0;
	bpf_map_push_elem(&free_slots, &slot, BPF_ANY);
	u32 *winner = bpf_map_lookup_elem(&slot_by_cgroup, &cgroup);

	return winner ? *winner : 0;
}

static __always_inline u32 slot_of(u64 cgroup)
{
	u64 *last = bpf_map_lookup_elem(&recent, &zero);

	if (!last)
		return 0;
	u64 both = *last;

	if (both >> SLOT_BITS == (cgroup & (~0ULL >> SLOT_BITS)))
		return both & ((1U << SLOT_BITS) - 1);
	u32 *known = bpf_map_lookup_elem(&slot_by_cgroup, &cgroup);
	u32 slot = known ? *known : take_slot(cgroup);

	if (slot) // slot 0 is taken anew each time, so that the cgroup gets one of its own when there is one
		*last = cgroup << SLOT_BITS | slot;
	return slot;
}

// Who did it.
struct actor {
	struct task_struct *task;
	struct counters *counters;
	u64 cgroup;
	u32 slot;
};

// BPF_CORE_READ would take a->task for a field of the kernel's.
static __always_inline struct task_struct *task_of(struct actor *a) { return a->task; }

static __always_inline bool find_actor(struct actor *a)
{
	a->task = bpf_get_current_task_btf();
	a->cgroup = cgroup_of(a->task);
	a->slot = slot_of(a->cgroup);
	a->counters = counters_of(a->slot);
	return a->counters != NULL;
}

static __always_inline void count_for_cgroup(u64 cgroup, u32 what)
{
	u32 *slot = bpf_map_lookup_elem(&slot_by_cgroup, &cgroup);
	struct counters *c = slot ? counters_of(*slot) : NULL;

	if (c)
		count_up(c->counts[what]);
}

static __always_inline void add(struct actor *a, u32 what)
{
	if (what < COUNTS)
		count_up(a->counters->counts[what]);
}

// add_classes counts every class whose bit is set, starting at the counter first.
static __always_inline void add_classes(struct counters *c, u32 first, u64 bits, int classes)
{
	for (int i = 0; i < classes; i++)
		if (bits >> i & 1)
			count_up(c->counts[first + i]);
}

static __always_inline u64 mix(u64 x)
{
	// The finalizer of splitmix64 (Vigna).
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static __always_inline void mark(struct actor *a, u32 kind, u64 value)
{
	struct distinct *d = bpf_map_lookup_elem(&distincts, &a->slot);
	u64 hash = mix(value + 0x9e3779b97f4a7c15ULL);

	if (!d)
		return;
	u64 *word = &d->bits[tick.epoch & 1][kind][hash >> 6 & (DISTINCT_WORDS - 1)];
	u64 bit = 1ULL << (hash & 63);

	if (!(*word & bit))
		__sync_fetch_and_or(word, bit);
}

static __always_inline void emit_event(struct actor *a, u32 kind, const void *text, bool user)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		count_lost(LOST_EVENT);
		return;
	}
	e->time = bpf_ktime_get_boot_ns();
	e->cgroup = a->cgroup;
	e->kind = kind;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->text[0] = 0;
	if (user)
		bpf_probe_read_user_str(e->text, sizeof(e->text), text);
	else
		bpf_probe_read_kernel_str(e->text, sizeof(e->text), text);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP); // user space looks once a tick
}

#endif
