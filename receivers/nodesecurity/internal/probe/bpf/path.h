// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Classes of paths: from the root down, a map lookup for each component until nothing below matters. The tables are made
// by package classes, which also has this walk in Go.
#ifndef NODESEC_PATH_H
#define NODESEC_PATH_H

// How far up from a file the walk goes, and how many components it goes down from the root: the patterns have at most
// twelve.
#define MAX_UP 48
#define MAX_DOWN 12

// FIELD reads a field of a kernel object. A load costs a tenth of a call of bpf_probe_read_kernel, but to trust a pointer of
// unknown origin with a type takes bpf_rdonly_cast, since 6.2. The verifier drops the way that is not taken.
void *bpf_rdonly_cast(const void *object, u32 type) __ksym __weak;

#define FIELD(type, pointer, field)                                                                                            \
	({                                                                                                                     \
		type *from_ = (type *)(pointer);                                                                               \
		typeof(from_->field) value_;                                                                                   \
		if (&bpf_rdonly_cast)                                                                                         \
			value_ = ((type *)bpf_rdonly_cast(from_, bpf_core_type_id_kernel(type)))->field;                       \
		else                                                                                                           \
			value_ = BPF_CORE_READ(from_, field);                                                                  \
		value_;                                                                                                        \
	})

// Where the walk down is.
struct walk {
	u64 bits;
	u64 outside; // what walk_path found besides
	u32 node;
	u32 flags; // of the node
	u32 depth; // how many components walk_path found
	bool crossed; // among the last two of them is the place of a mount
	bool lost;    // nothing below matters
};

static __always_inline void start_walk(struct walk *w)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->flags = root_flags;
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

// One byte more than a name may have, so that longer ones are told from those they start with.
struct read_name {
	struct path_key key;
	char rest[4];
};

// read_name reads the name of a dentry. One that is too long to be in a table becomes empty.
static __always_inline void read_name(struct read_name *n, const void *kernel_name)
{
	__builtin_memset(n, 0, sizeof(*n));
	if (bpf_probe_read_kernel_str(n->key.name, NAME + 1, kernel_name) > NAME)
		__builtin_memset(n->key.name, 0, NAME);
}

static __always_inline u64 bits_of_name(void *map, const void *kernel_name)
{
	struct read_name n;

	read_name(&n, kernel_name);
	u64 *bits = bpf_map_lookup_elem(map, n.key.name);

	return bits ? *bits : 0;
}

// A climb from a dentry to a root. The names on the way are in the scratch: the last ANCESTORS of depth.
struct climb {
	struct dentry *dentry;
	struct dentry *top;  // of the mount; NULL to go on to the root of the file system
	struct dentry *stop; // the root of the task
	u32 depth;
	u32 far; // the root is too far away
};

// climb and descend are functions of their own so that the verifier looks at their loops once.
__noinline int climb(struct climb *c)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s || !c)
		return 0;
	for (int i = 0; i < MAX_UP; i++) {
		struct dentry *d = c->dentry;

		if (d == c->stop || d == c->top)
			return 0;
		struct dentry *parent = FIELD(struct dentry, d, d_parent);

		if (parent == d)
			return 0;
		s->names[c->depth++ & (ANCESTORS - 1)] = (u64)FIELD(struct dentry, d, d_name.name);
		c->dentry = parent;
	}
	c->far = 1;
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
		struct read_name n;

		read_name(&n, (void *)s->names[depth & (ANCESTORS - 1)]);
		step_into(w, &n.key);
	}
	if (depth)
		w->lost = true;
	return 0;
}

#define MAX_MOUNTS 8

// walk_path walks down the path as the task sees it, through mounts. Outside are the classes of the path within its file
// system, if that is not the one of the task's root: a directory of the node keeps its meaning wherever it is mounted in
// a container.
__noinline int walk_path(struct path *p, struct walk *w)
{
	if (!p || !w)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct dentry *root = task->fs->root.dentry;
	struct vfsmount *root_mount = task->fs->root.mnt, *mnt = p->mnt;
	struct climb c = {.dentry = p->dentry, .top = FIELD(struct vfsmount, mnt, mnt_root)};

	// The root's directory is no end where it is seen through another mount.
	c.stop = mnt == root_mount ? root : NULL;
	climb(&c);
	u32 below = c.depth;

	if (mnt != root_mount) {
		struct climb on = {.dentry = c.dentry, .depth = c.depth, .far = c.far};
		struct walk inner;

		start_walk(&inner);
		climb(&on); // where only a part of the file system is mounted
		inner.lost = on.far;
		descend(&inner, on.depth);
		w->outside = inner.bits;
	}
	for (int i = 0; i < MAX_MOUNTS; i++) {
		if (c.dentry == root && mnt == root_mount)
			break;
		struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *parent = FIELD(struct mount, m, mnt_parent);

		if (parent == m)
			break;
		c.dentry = FIELD(struct mount, m, mnt_mountpoint);
		mnt = (void *)parent + bpf_core_field_offset(struct mount, mnt);
		c.top = FIELD(struct vfsmount, mnt, mnt_root);
		c.stop = mnt == root_mount ? root : NULL;
		climb(&c);
	}
	w->crossed = below < 2 && c.depth > below;
	w->depth = c.depth;
	w->lost = c.far;
	descend(w, c.depth);
	return 0;
}

// bits_of_last looks up the name of a component that walk_path found last (0) or last but one (1).
static __always_inline u64 bits_of_last(void *map, struct walk *w, u32 i)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s || w->depth <= i || w->depth > ANCESTORS)
		return 0;
	return bits_of_name(map, (void *)s->names[i & (ANCESTORS - 1)]);
}

// bits_of_path classifies a file. Its name and its directory's are those that the file system knows, and where they are
// mounted under others, those too.
static __always_inline u64 bits_of_path(struct path *path, struct walk *w)
{
	start_walk(w);
	walk_path(path, w);
	struct dentry *parent = FIELD(struct dentry, path->dentry, d_parent);
	u64 bits = w->bits | w->outside | bits_of_name(&leaves, FIELD(struct dentry, path->dentry, d_name.name)) |
		   bits_of_name(&directories, FIELD(struct dentry, parent, d_name.name));

	if (w->crossed)
		bits |= bits_of_last(&leaves, w, 0) | bits_of_last(&directories, w, 1);
	return bits;
}

// file_of is what a descriptor of the current task stands for.
static __always_inline struct file *file_of(struct task_struct *task, u32 descriptor)
{
	struct fdtable *table = task->files->fdt;

	if (!table || descriptor >= table->max_fds)
		return NULL;
	struct file *f = NULL;

	bpf_probe_read_kernel(&f, sizeof(f), table->fd + descriptor);
	return f;
}

#endif
