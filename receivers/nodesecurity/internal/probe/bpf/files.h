// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// System calls on files.
#ifndef NODESEC_FILES_H
#define NODESEC_FILES_H

#define FMODE_READ 1U
#define FMODE_WRITE 2U
#define FMODE_CREATED 0x100000U
#define O_TRUNC 01000
#define O_TMPFILE 020000000 // the bit that is its own

#define MAJOR(device) ((device) >> 20)
#define MINOR(device) ((device) & 0xfffff)
#define MEM_MAJOR 1
#define TTYAUX_MAJOR 5
#define UNIX98_PTY_MASTER_MAJOR 128
#define UNIX98_PTY_LAST_MAJOR 143

// is_special_device says that a device node is none of those that every program opens: null, zero, full, random, urandom
// (Documentation/admin-guide/devices.txt), terminals.
static __always_inline bool is_special_device(struct inode *inode)
{
	u16 type = FIELD(struct inode, inode, i_mode) & S_IFMT;
	u32 device = FIELD(struct inode, inode, i_rdev);
	u32 major = MAJOR(device), minor = MINOR(device);

	if (type == S_IFBLK)
		return true;
	if (type != S_IFCHR || major == TTYAUX_MAJOR || major >= UNIX98_PTY_MASTER_MAJOR && major <= UNIX98_PTY_LAST_MAJOR)
		return false;
	return major != MEM_MAJOR || minor != 3 && minor != 5 && minor != 7 && minor != 8 && minor != 9;
}

#define IS_NAME(n, word) (__builtin_memcmp((n).text, word, sizeof(word)) == 0)

// count_proc_file tells files of other processes in /proc: their directory is that of the process.
static __always_inline void count_proc_file(struct actor *a, struct inode *inode, struct name *leaf)
{
	bool environ = IS_NAME(*leaf, "environ"), mem = IS_NAME(*leaf, "mem");
	bool maps = IS_NAME(*leaf, "maps") || IS_NAME(*leaf, "smaps") || IS_NAME(*leaf, "numa_maps");

	if (!environ && !mem && !maps)
		return;
	struct proc_inode *of = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct pid *pid = BPF_CORE_READ(of, pid);

	if (!pid)
		return;
	// The task of the pid (kernel/pid.c, pid_task with PIDTYPE_PID, which is 0).
	void *link = BPF_CORE_READ(pid, tasks[0].first);
	struct task_struct *task = link - bpf_core_field_offset(struct task_struct, pid_links);

	if (link && BPF_CORE_READ(task, tgid) == a->task->tgid)
		return;
	add(a, environ ? COUNT_READ_ENVIRON : mem ? COUNT_OPEN_MEM : COUNT_READ_MAPS);
}

#define MAX_STEPS 512

// has_parent_step says whether the path, as it is spelled, has a ".." in it.
__noinline int has_parent_step(u64 user_path)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s || bpf_probe_read_user_str(s->string, STRING, (void *)user_path) <= 0)
		return 0;
	for (int i = 0; i < MAX_STEPS && s->string[i]; i++) {
		if (s->string[i] != '.' || s->string[i + 1] != '.' || s->string[i + 2] && s->string[i + 2] != '/')
			continue;
		if (i == 0 || s->string[i - 1] == '/')
			return 1;
	}
	return 0;
}

static __always_inline void count_created(struct actor *a, struct inode *inode, struct name *leaf)
{
	struct file_id id = id_of(inode, 0);
	u8 one = 1;

	add(a, COUNT_CREATE);
	if (leaf->text[0] == '.')
		add(a, COUNT_CREATE_HIDDEN);
	bpf_map_update_elem(&created, &id, &one, BPF_ANY);
}

// truncates says whether an open was asked to empty the file: an open file does not have O_TRUNC among its flags (fs/open.c,
// do_dentry_open).
static __always_inline bool truncates(struct pt_regs *regs)
{
	const volatile struct call *c = call_of(regs);

	if (c->path2 == NO_ARGUMENT)
		return true; // creat
	u64 flags = argument(regs, c->path2);

	if (c->dir2 != NO_ARGUMENT && bpf_probe_read_user(&flags, sizeof(flags), (void *)flags))
		return false; // struct open_how starts with them
	return flags & O_TRUNC;
}

// The file is taken out of the task's table: it is what was opened, whatever the path in the task's memory says by now.
HANDLER(do_open)
{
	struct actor a;

	if (!find_actor(&a))
		return 0;
	if (result < 0) {
		if (is_error(result)) {
			add(&a, COUNT_OPEN);
			add(&a, COUNT_OPEN_FAILED);
		}
		return 0; // the kernel restarts it
	}
	add(&a, COUNT_OPEN);
	struct file *f = file_of(a.task, result);
	struct inode *inode = FIELD(struct file, f, f_inode);

	if (!inode)
		return 0;
	struct path path = {.mnt = FIELD(struct file, f, f_path.mnt), .dentry = FIELD(struct file, f, f_path.dentry)};
	u32 mode = FIELD(struct file, f, f_mode);
	struct super_block *super = FIELD(struct inode, inode, i_sb);
	u64 magic = FIELD(struct super_block, super, s_magic);
	u32 device = FIELD(struct super_block, super, s_dev);
	struct dentry *parent = FIELD(struct dentry, path.dentry, d_parent);
	struct name leaf = {};

	bpf_probe_read_kernel_str(leaf.text, sizeof(leaf.text), FIELD(struct dentry, path.dentry, d_name.name));
	if (mode & FMODE_CREATED || FIELD(struct file, f, f_flags) & O_TMPFILE)
		count_created(&a, inode, &leaf);
	if (mode & (FMODE_READ | FMODE_WRITE) && is_special_device(inode)) // not O_PATH
		add(&a, COUNT_OPEN_DEVICE);
	if (magic == PROC_SUPER_MAGIC)
		count_proc_file(&a, inode, &leaf);
	struct inode *directory = FIELD(struct dentry, parent, d_inode);

	mark(&a, DISTINCT_DIRECTORIES, (u64)FIELD(struct inode, directory, i_ino) ^ (u64)device << 40);

	struct walk w;
	u64 bits = bits_of_path(&path, &w);

	if (host_device && device == host_device && !(w.outside & 1ULL << PATH_VOLUME) &&
	    a.task->fs->root.mnt->mnt_sb->s_dev != host_device)
		add(&a, COUNT_OPEN_HOST_PATH);
	if (!bits)
		return 0;
	if (mode & FMODE_READ)
		add_classes(a.counters, COUNT_READ, bits, PATH_CLASSES);
	if (mode & FMODE_WRITE)
		add_classes(a.counters, COUNT_WRITE, bits, PATH_CLASSES);
	if (!(mode & FMODE_CREATED) && truncates(regs))
		add_classes(a.counters, COUNT_REMOVE, bits, PATH_CLASSES);
	u8 spelled = call_of(regs)->path;

	if (bits & sensitive_paths && spelled != NO_ARGUMENT && has_parent_step(argument(regs, spelled)))
		add(&a, COUNT_OPEN_TRAVERSAL);
	return 0;
}

HANDLER(do_remove)
{
	struct actor a;
	const volatile struct call *c = call_of(regs);

	if (result < 0 || !find_actor(&a))
		return 0;
	add(&a, COUNT_UNLINK);
	add_classes(a.counters, COUNT_REMOVE, string_bits(regs, c->path, c->dir), PATH_CLASSES);
	return 0;
}

HANDLER(do_truncate)
{
	struct actor a;
	const volatile struct call *c = call_of(regs);

	if (result < 0 || !find_actor(&a))
		return 0;
	add(&a, COUNT_TRUNCATE);
	u64 bits = 0;

	if (c->path != NO_ARGUMENT)
		bits = string_bits(regs, c->path, c->dir);
	else {
		struct path path = {};
		struct walk w;
		struct file *f = file_of(a.task, argument(regs, c->dir));

		BPF_CORE_READ_INTO(&path, f, f_path);
		if (path.dentry)
			bits = bits_of_path(&path, &w);
	}
	add_classes(a.counters, COUNT_REMOVE, bits, PATH_CLASSES);
	return 0;
}

HANDLER(do_rename)
{
	struct actor a;
	const volatile struct call *c = call_of(regs);

	if (result < 0 || !find_actor(&a))
		return 0;
	add(&a, COUNT_RENAME);
	add_classes(a.counters, COUNT_REMOVE, string_bits(regs, c->path, c->dir), PATH_CLASSES);
	add_classes(a.counters, COUNT_WRITE, string_bits(regs, c->path2, c->dir2), PATH_CLASSES);
	return 0;
}

HANDLER(do_link)
{
	struct actor a;
	const volatile struct call *c = call_of(regs);

	if (result < 0 || !find_actor(&a))
		return 0;
	add(&a, COUNT_LINK);
	if (string_bits(regs, c->path, c->dir) & sensitive_paths)
		add(&a, COUNT_LINK_SENSITIVE);
	add_classes(a.counters, COUNT_WRITE, string_bits(regs, c->path2, c->dir2), PATH_CLASSES);
	return 0;
}

HANDLER(do_chmod)
{
	struct actor a;
	u32 mode = argument(regs, call_of(regs)->path);

	if (result < 0 || !find_actor(&a))
		return 0;
	add(&a, COUNT_CHMOD);
	if (mode & 0111)
		add(&a, COUNT_CHMOD_EXECUTABLE);
	if (mode & S_ISUID)
		add(&a, COUNT_CHMOD_SETUID);
	if (mode & S_ISGID)
		add(&a, COUNT_CHMOD_SETGID);
	return 0;
}

HANDLER(do_chown)
{
	struct actor a;

	if (result == 0 && find_actor(&a))
		add(&a, COUNT_CHOWN);
	return 0;
}

#define NAME_MAX 255

HANDLER(do_mkdir)
{
	struct actor a;
	const volatile struct call *c = call_of(regs);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (result < 0 || !s || !find_actor(&a))
		return 0;
	long length = bpf_probe_read_user_str(s->string, STRING, (const char *)argument(regs, c->path));

	if (length <= 0)
		return 0;
	// The last name is at the end of the path, but for slashes, and has NAME_MAX bytes at most.
	u32 from = length > NAME_MAX + 2 ? length - NAME_MAX - 2 : 0;
	bool start = true, hidden = false;

	for (u32 i = 0; i < NAME_MAX + 2; i++) {
		char ch = s->string[from + i & (STRING - 1)];

		if (!ch)
			break;
		if (start && ch != '/')
			hidden = ch == '.';
		start = ch == '/';
	}
	if (hidden)
		add(&a, COUNT_CREATE_HIDDEN);
	return 0;
}

#endif
