// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Births and deaths of cgroups, so that those which live for less than a tick have a name, too.
#ifndef NODESEC_CGROUP_H
#define NODESEC_CGROUP_H

// Each v1 controller has a hierarchy of its own, and containers make a cgroup in all of them.
static __always_inline bool is_ours(struct cgroup *cgroup)
{
	struct cgroup_root *root = BPF_CORE_READ(cgroup, root);

	if (cgroup_v2)
		return BPF_CORE_READ(root, hierarchy_id) == 0; // cgrp_dfl_root
	return BPF_CORE_READ(root, subsys_mask) >> controller & 1;
}

static __always_inline void fill_news(struct cgroup_news *n, struct cgroup *cgroup, u32 kind)
{
	n->time = bpf_ktime_get_boot_ns();
	n->cgroup = BPF_CORE_READ(cgroup, kn, id);
	n->kind = kind;
	n->unused = 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	if (!is_ours(cgroup))
		return 0;
	struct cgroup_made *m = bpf_ringbuf_reserve(&news, sizeof(*m), 0);

	if (!m) {
		count_lost(LOST_CGROUP);
		return 0;
	}
	fill_news(&m->news, cgroup, CGROUP_MADE);
	m->path[0] = 0;
	bpf_probe_read_kernel_str(m->path, sizeof(m->path), path);
	bpf_ringbuf_submit(m, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	if (!is_ours(cgroup))
		return 0;
	struct cgroup_news *n = bpf_ringbuf_reserve(&news, sizeof(*n), 0);

	if (!n) {
		count_lost(LOST_CGROUP);
		return 0;
	}
	fill_news(n, cgroup, CGROUP_REMOVED);
	bpf_ringbuf_submit(n, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
