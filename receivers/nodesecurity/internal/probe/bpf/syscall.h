// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// System calls are counted when they return: then their result is known, the memory they were given has been paged in,
// and those that seccomp denied are seen, too. What never returns (exit, a successful reboot) is not counted. On x86 an
// execveat that succeeds returns as an execve (arch/x86/kernel/process_64.c, set_personality_64bit).
//
// on_sys_exit is the hot path. The few calls whose arguments matter go on to a handler through a tail call, so that a
// handler that does not load costs nothing but its own features.
#ifndef NODESEC_SYSCALL_H
#define NODESEC_SYSCALL_H

#define EPERM 1
#define EACCES 13
#define EALREADY 114
#define EINPROGRESS 115
#define EINVAL 22
#define ENETUNREACH 101
#define EHOSTUNREACH 113
#define EADDRNOTAVAIL 99
#define MAX_ERRNO 133 // EHWPOISON; from 512 on the kernel restarts the call

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 2
#define NUMBER(regs) ((int)(regs)->orig_ax)
#define IS_COMPAT(task) ((task)->thread_info.status & TS_COMPAT)

static __always_inline u64 argument(struct pt_regs *regs, u32 i)
{
	switch (i) {
	case 0: return regs->di;
	case 1: return regs->si;
	case 2: return regs->dx;
	case 3: return regs->r10;
	case 4: return regs->r8;
	}
	return regs->r9;
}
#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT 22
#define NUMBER(regs) ((regs)->syscallno)
#define IS_COMPAT(task) ((task)->thread_info.flags >> TIF_32BIT & 1)

static __always_inline u64 argument(struct pt_regs *regs, u32 i)
{
	switch (i) {
	case 0: return regs->orig_x0; // regs[0] holds the result
	case 1: return regs->regs[1];
	case 2: return regs->regs[2];
	case 3: return regs->regs[3];
	case 4: return regs->regs[4];
	}
	return regs->regs[5];
}
#endif

#define PROT_WRITE 2
#define PROT_EXEC 4

static __always_inline bool is_error(long result) { return result < 0 && result >= -MAX_ERRNO; }

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long result)
{
	struct actor a;
	u32 number = NUMBER(regs);

	if (number >= SYSCALL_OTHER)
		number = SYSCALL_OTHER;
	u32 action = calls[number].action;

	if (IS_COMPAT(bpf_get_current_task_btf())) { // with numbers of its own
		if (find_actor(&a))
			add(&a, COUNT_SYSCALL_COMPAT);
		return 0;
	}
	// A new task returns from the call that made it, too.
	if (result == 0 && (action == ACTION_CLONE || action == ACTION_CLONE3))
		return 0;
	if (!find_actor(&a))
		return 0;
	count_up(a.counters->syscalls[number & (SYSCALLS - 1)]);
	if (is_error(result)) {
		add(&a, COUNT_SYSCALL_ERRORS);
		if (result == -EPERM || result == -EACCES)
			add(&a, COUNT_SYSCALL_DENIED);
	}
	if (action == ACTION_NONE)
		return 0;
	if (action == ACTION_MMAP || action == ACTION_MPROTECT) {
		if ((argument(regs, 2) & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
			add(&a, action == ACTION_MMAP ? COUNT_MMAP_WX : COUNT_MPROTECT_WX);
		return 0;
	}
	bpf_tail_call(ctx, &handlers, action);
	return 0;
}

#define HANDLER(name)                                                                                                          \
	SEC("tp_btf/sys_exit")                                                                                                 \
	int BPF_PROG(name, struct pt_regs *regs, long result)

static __always_inline const volatile struct call *call_of(struct pt_regs *regs)
{
	return &calls[(u32)NUMBER(regs) & (SYSCALLS - 1)];
}

// string_bits classifies the path that argument path of the call names.
static __always_inline u64 string_bits(struct pt_regs *regs, u8 path, u8 dir)
{
	if (path == NO_ARGUMENT)
		return 0;
	return bits_of_string(argument(regs, path), dir == NO_ARGUMENT ? AT_FDCWD : (int)argument(regs, dir));
}

HANDLER(do_exec)
{
	struct actor a;

	if (is_error(result) && find_actor(&a))
		add(&a, COUNT_EXEC_FAILED);
	return 0;
}

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

#define PTRACE_TRACEME 0
#define PTRACE_ATTACH 16
#define PTRACE_SEIZE 0x4206

HANDLER(do_ptrace)
{
	struct actor a;
	u64 request = argument(regs, 0);

	if (!find_actor(&a))
		return 0;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		add(&a, COUNT_PTRACE_ATTACH);
	else
		add(&a, request == PTRACE_TRACEME ? COUNT_PTRACE_TRACEME : COUNT_PTRACE_OTHER);
	return 0;
}

#define CLONE_NEWUSER 0x10000000

static __always_inline void count_user_namespace(u64 flags)
{
	struct actor a;

	if (flags & CLONE_NEWUSER && find_actor(&a))
		add(&a, COUNT_NEW_USER_NAMESPACE);
}

// For clone and unshare; fork and vfork have no arguments.
HANDLER(do_clone)
{
	u8 flags = call_of(regs)->path;

	if (flags != NO_ARGUMENT)
		count_user_namespace(argument(regs, flags));
	return 0;
}

HANDLER(do_clone3)
{
	u64 flags = 0;

	if (argument(regs, 1) >= sizeof(flags))
		bpf_probe_read_user(&flags, sizeof(flags), (void *)argument(regs, 0));
	count_user_namespace(flags);
	return 0;
}

#define BPF_MAP_CREATE 0
#define BPF_PROG_LOAD 5
// union bpf_attr of BPF_PROG_LOAD (include/uapi/linux/bpf.h)
#define PROG_NAME_OFFSET 48
#define PROG_NAME_LENGTH 16

HANDLER(do_bpf)
{
	struct actor a;
	u32 command = argument(regs, 0), size = argument(regs, 2);
	const char *attributes = (const char *)argument(regs, 1);

	if (!find_actor(&a))
		return 0;
	if (command == BPF_MAP_CREATE)
		add(&a, COUNT_BPF_MAP_CREATE);
	else
		add(&a, command == BPF_PROG_LOAD ? COUNT_BPF_PROG_LOAD : COUNT_BPF_OTHER);
	if (command != BPF_PROG_LOAD || result < 0)
		return 0;
	add(&a, COUNT_BPF_LOADED);
	emit_event(&a, EVENT_BPF_LOAD, size >= PROG_NAME_OFFSET + PROG_NAME_LENGTH ? attributes + PROG_NAME_OFFSET : NULL, true);
	return 0;
}

HANDLER(do_module)
{
	struct actor a;

	if (result == 0 && find_actor(&a))
		add(&a, COUNT_MODULE_LOADED);
	return 0;
}

HANDLER(do_unmodule)
{
	struct actor a;

	if (result == 0 && find_actor(&a))
		add(&a, COUNT_MODULE_UNLOADED);
	return 0;
}

SEC("tp_btf/module_load")
int BPF_PROG(on_module_load, struct module *m)
{
	struct actor a;

	if (find_actor(&a))
		emit_event(&a, EVENT_MODULE_LOAD, m->name, false);
	return 0;
}

HANDLER(do_cred)
{
	struct actor a;

	if (result == 0 && find_actor(&a))
		update_privileges(&a);
	return 0;
}

HANDLER(do_socket)
{
	struct actor a;
	u32 family = argument(regs, 0), type = argument(regs, 1) & 0xf;

	if (result < 0 || !find_actor(&a))
		return 0;
	if (family == AF_PACKET)
		add(&a, COUNT_PACKET_SOCKET);
	else if (type == SOCK_RAW && (family == AF_INET || family == AF_INET6))
		add(&a, COUNT_RAW_SOCKET);
	return 0;
}

// The peer of a UNIX socket has the path that it was bound to, however it was reached.
static __always_inline void count_unix(struct actor *a, struct sock *sk)
{
	struct unix_sock *own = (struct unix_sock *)sk;
	struct unix_sock *peer = (struct unix_sock *)BPF_CORE_READ(own, peer);
	struct path path = {};

	if (!peer)
		return;
	BPF_CORE_READ_INTO(&path, peer, path);
	if (!path.dentry)
		return;
	struct walk w;

	if (bits_of_path(&path, &w) & 1ULL << PATH_RUNTIME_SOCKET)
		add(a, COUNT_CONNECT_RUNTIME_SOCKET);
}

// never_started says that there may be no way to the address, or that going there is denied. EINVAL is a black hole.
static __always_inline bool never_started(long result)
{
	return result == -ENETUNREACH || result == -EHOSTUNREACH || result == -EADDRNOTAVAIL || result == -EPERM ||
	       result == -EACCES || result == -EINVAL;
}

// has_failed says that a connection that did start has failed, which on_sock_state counted, and forgets it.
static __always_inline bool has_failed(struct sock *sk)
{
	u64 key = (u64)sk;
	struct owner *owner = bpf_map_lookup_elem(&sockets, &key);
	bool failed = owner && owner->failed;

	if (failed)
		owner->failed = 0;
	return failed;
}

// TCP connections are counted in on_sock_state, but for those that fail before they start.
HANDLER(do_connect)
{
	struct actor a;

	if (!find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (!sk)
		return 0;
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_UNIX) {
		if (result == 0)
			count_unix(&a, sk);
		return 0;
	}
	if (family != AF_INET && family != AF_INET6)
		return 0;
	// Not UDP: resolvers connect such sockets to all addresses of a name, only to learn which are reachable.
	if (BPF_CORE_READ(sk, sk_type) == SOCK_STREAM) {
		if (is_error(result) && result != -EINPROGRESS && result != -EALREADY && !has_failed(sk) && never_started(result))
			add(&a, COUNT_CONNECT_FAILED);
		return 0;
	}
	struct endpoint e = {};

	// Nothing can be sent to port 0: see above.
	if (result == 0 && is_udp(sk) && read_address((void *)argument(regs, 1), argument(regs, 2), &e) && e.port)
		count_flow(&a, &e, sk, inode_number(a.task, argument(regs, 0)));
	return 0;
}

HANDLER(do_accept)
{
	struct actor a;

	if (result < 0 || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, result);

	if (!sk || !is_ip(sk))
		return 0;
	add(&a, COUNT_ACCEPT);
	own_socket(&a, sk);
	return 0;
}

HANDLER(do_sendto)
{
	struct actor a;

	if (result < 0 || !argument(regs, 4) || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (sk)
		count_unconnected(&a, argument(regs, 0), sk, (void *)argument(regs, 4), argument(regs, 5), result);
	return 0;
}

// struct user_msghdr (include/linux/socket.h) starts with these.
struct message {
	void *name;
	u32 name_length;
};

HANDLER(do_sendmsg)
{
	struct actor a;
	struct message m = {};

	if (result < 0 || bpf_probe_read_user(&m, sizeof(m), (void *)argument(regs, 1)) || !m.name || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (sk)
		count_unconnected(&a, argument(regs, 0), sk, m.name, m.name_length, result);
	return 0;
}

// struct mmsghdr: a user_msghdr, then how much of it was sent.
struct many_message {
	struct message message;
	u8 rest[40];
	u32 sent;
	u32 unused;
};

#define MAX_MESSAGES 16 // resolvers send two

HANDLER(do_sendmmsg)
{
	struct actor a;
	u64 at = argument(regs, 1);

	if (result <= 0 || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (!sk)
		return 0;
	for (u32 i = 0; i < MAX_MESSAGES && i < result; i++) {
		struct many_message m = {};

		if (bpf_probe_read_user(&m, sizeof(m), (void *)(at + i * sizeof(m))))
			break;
		count_unconnected(&a, argument(regs, 0), sk, m.message.name, m.message.name_length, m.sent);
	}
	return 0;
}

#define STDERR 2

HANDLER(do_dup)
{
	struct actor a;

	if (result < 0 || result > STDERR || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, result);

	if (sk && is_ip(sk))
		add(&a, COUNT_STDIO_SOCKET);
	return 0;
}

#endif
