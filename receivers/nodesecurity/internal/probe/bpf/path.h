// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Classes of paths: from the root down, a map lookup for each component until nothing below matters. The tables are made
// by package classes, which also has this walk in Go.
#ifndef NODESEC_PATH_H
#define NODESEC_PATH_H

// How far up from a file the walk goes, and how many components it goes down from the root: the patterns have at most
// twelve.
#define MAX_UP 48
#define MAX_DOWN 12

// Where the walk down is.
struct walk {
	u64 bits;
	u32 node;
	u32 flags; // of the node
	bool lost; // nothing below matters
};

static __always_inline void start_walk(struct walk *w)
{
	w->bits = 0;
	w->node = 0;
	w->flags = root_flags;
	w->lost = false;
}

__noinline int step_into(struct walk *w, struct path_key *key)
{
	if (!w || !key || w->lost)
		return 0;
	key->node = w->node;
	struct path_value *v = NULL;

	if (w->flags & PATH_HAS_NAMES)
		v = bpf_map_lookup_elem(&paths, key);
	if (!v && w->flags & PATH_HAS_ANY) {
		__builtin_memset(key->name, 0, sizeof(key->name));
		key->name[0] = '*';
		v = bpf_map_lookup_elem(&paths, key);
	}
	if (!v) {
		w->lost = true;
		return 0;
	}
	w->bits |= v->bits;
	w->node = v->node;
	w->flags = v->flags;
	w->lost = v->node == 0;
	return 0;
}

static __always_inline u64 bits_of_name(void *map, const void *kernel_name)
{
	struct name n = {};

	bpf_probe_read_kernel_str(n.text, sizeof(n.text), kernel_name);
	u64 *bits = bpf_map_lookup_elem(map, &n);

	return bits ? *bits : 0;
}

// A climb from a dentry to a root. The names on the way are in the scratch: the last ANCESTORS of depth.
struct climb {
	struct dentry *dentry;
	struct dentry *top;  // of the mount; NULL to go on to the root of the file system
	struct dentry *stop; // the root of the task
	u32 depth;
};

// climb and descend are functions of their own so that the verifier looks at their loops once.
__noinline int climb(struct climb *c)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s || !c)
		return 0;
	for (int i = 0; i < MAX_UP; i++) {
		struct dentry *d = c->dentry, *parent = NULL;

		if (d == c->stop || d == c->top)
			return 0;
		bpf_probe_read_kernel(&parent, sizeof(parent), &d->d_parent);
		if (parent == d)
			return 0;
		const unsigned char *name = NULL;

		bpf_probe_read_kernel(&name, sizeof(name), &d->d_name.name);
		s->names[c->depth++ & (ANCESTORS - 1)] = (u64)name;
		c->dentry = parent;
	}
	return 0;
}

__noinline int descend(struct walk *w, u32 depth)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s || !w)
		return 0;
	for (int i = 0; i < MAX_DOWN; i++) {
		if (w->lost || !depth)
			return 0;
		depth--;
		struct path_key key = {};

		bpf_probe_read_kernel_str(key.name, sizeof(key.name), (void *)s->names[depth & (ANCESTORS - 1)]);
		step_into(w, &key);
	}
	if (depth)
		w->lost = true;
	return 0;
}

#define MAX_MOUNTS 8

// walk_path walks down the path as the task sees it, through mounts. What it returns is the classes of the path within
// its file system, if that is not the one of the task's root: a directory of the node keeps its meaning wherever it is
// mounted in a container.
__noinline u64 walk_path(struct path *p, struct walk *w)
{
	if (!p || !w)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);
	struct vfsmount *root_mount = BPF_CORE_READ(task, fs, root.mnt), *mnt = p->mnt;
	struct climb c = {.dentry = p->dentry, .top = BPF_CORE_READ(mnt, mnt_root), .stop = root};
	u64 outside = 0;

	climb(&c);
	if (mnt != root_mount) {
		struct climb on = {.dentry = c.dentry, .depth = c.depth};
		struct walk inner;

		start_walk(&inner);
		climb(&on); // where only a part of the file system is mounted
		descend(&inner, on.depth);
		outside = inner.bits;
	}
	for (int i = 0; i < MAX_MOUNTS; i++) {
		if (c.dentry == root && mnt == root_mount)
			break;
		struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *parent = BPF_CORE_READ(m, mnt_parent);

		if (parent == m)
			break;
		c.dentry = BPF_CORE_READ(m, mnt_mountpoint);
		mnt = (void *)parent + bpf_core_field_offset(struct mount, mnt);
		c.top = BPF_CORE_READ(mnt, mnt_root);
		climb(&c);
	}
	descend(w, c.depth);
	return outside;
}

static __always_inline struct file *file_of(struct task_struct *task, u32 descriptor)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);

	if (!table || descriptor >= BPF_CORE_READ(table, max_fds))
		return NULL;
	struct file *f = NULL;

	bpf_probe_read_kernel(&f, sizeof(f), BPF_CORE_READ(table, fd) + descriptor);
	return f;
}

#define AT_FDCWD -100

// A path that is read byte by byte.
struct spelled {
	struct walk walk;
	struct path_key key; // the component so far
	struct name leaf;    // the same
	u64 directory;	     // classes by the name of the innermost directory
	u32 length;	     // of the component
	u32 unused;
};

// spell takes the next byte. It is a function of its own so that the verifier looks at it once, not at all paths.
__noinline int spell(struct spelled *p, u8 c)
{
	if (!p)
		return 0;
	u32 at = p->length;

	if (c && c != '/') {
		if (at < NAME - 1) {
			p->key.name[at] = c;
			p->leaf.text[at] = c;
		}
		p->length = at + 1;
		return 0;
	}
	if (at == 0 || at == 1 && p->leaf.text[0] == '.') {
		if (c) {
			p->length = 0;
			p->leaf.text[0] = 0;
			p->key.name[0] = 0;
		}
		return 0;
	}
	struct path_key key = p->key;

	step_into(&p->walk, &key);
	if (!c)
		return 0;
	struct name leaf = p->leaf;
	u64 *in = bpf_map_lookup_elem(&directories, &leaf);

	p->directory = in ? *in : 0;
	p->length = 0;
	__builtin_memset(&p->key, 0, sizeof(p->key));
	__builtin_memset(&p->leaf, 0, sizeof(p->leaf));
	return 0;
}

// bits_of_string classifies a path that a task gave to a system call, as it is spelled: links in it are not resolved, and
// neither is "..". dir is the descriptor that a relative path starts at.
__noinline u64 bits_of_string(u64 user_path, int dir)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s)
		return 0;
	long length = bpf_probe_read_user_str(s->string, STRING, (void *)user_path);

	if (length <= 1)
		return 0;
	struct spelled p = {};

	start_walk(&p.walk);
	if (s->string[0] != '/') {
		struct task_struct *task = bpf_get_current_task_btf();
		struct path base = {};

		if (dir == AT_FDCWD)
			BPF_CORE_READ_INTO(&base, task, fs, pwd);
		else
			BPF_CORE_READ_INTO(&base, file_of(task, dir), f_path);
		if (!base.dentry)
			return 0;
		u64 outside = walk_path(&base, &p.walk); // leaves the string alone

		p.walk.bits |= outside;
		p.directory = bits_of_name(&directories, BPF_CORE_READ(base.dentry, d_name.name));
	}
	for (int i = 0; i < STRING; i++) {
		u8 c = s->string[i];

		spell(&p, c);
		if (!c)
			break;
	}
	struct name leaf = p.leaf;
	u64 *named = bpf_map_lookup_elem(&leaves, &leaf);

	return p.walk.bits | p.directory | (named ? *named : 0);
}

#endif
