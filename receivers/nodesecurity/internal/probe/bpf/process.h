// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Execution, births, deaths and signals.
#ifndef NODESEC_PROCESS_H
#define NODESEC_PROCESS_H

#define TMPFS_MAGIC 0x01021994UL
#define PROC_SUPER_MAGIC 0x9fa0UL
#define OVERLAYFS_SUPER_MAGIC 0x794c7630UL

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFBLK 0060000
#define S_IFCHR 0020000
#define S_ISUID 0004000
#define S_ISGID 0002000

#define NANOSECONDS 1000000000ULL
// The kernel's file times are those of the last clock tick, which is at most 10 ms ago (CONFIG_HZ is 100 or more).
#define FILE_TIME_GRAIN 10000000ULL

static __always_inline bool is_version(char c) { return c >= '0' && c <= '9' || c == '.' || c == '-'; }

// classes_of_name looks a name up, and where it is not known, the name without a version: python3.11 as python.
__noinline u64 classes_of_name(struct exe_name *n)
{
	if (!n)
		return 0;
	u64 *bits = bpf_map_lookup_elem(&executables, n);

	if (bits)
		return *bits;
	bool cut = false;

	for (int i = 15; i > 0; i--) {
		char c = n->text[i];

		if (!c)
			continue;
		if (!is_version(c))
			break;
		n->text[i] = 0;
		cut = true;
	}
	if (!cut)
		return 0;
	bits = bpf_map_lookup_elem(&executables, n);
	return bits ? *bits : 0;
}

static __always_inline u64 classes_of_dentry(struct dentry *d)
{
	struct exe_name n = {};

	bpf_probe_read_kernel_str(n.text, sizeof(n.text), BPF_CORE_READ(d, d_name.name));
	return classes_of_name(&n);
}

// classes_of_task goes by the name that the task was started by and the name of its file.
static __always_inline u64 classes_of_task(struct task_struct *task)
{
	struct exe_name n = {};

	bpf_probe_read_kernel_str(n.text, sizeof(n.text), &task->comm);
	return classes_of_name(&n) | classes_of_dentry(BPF_CORE_READ(task, mm, exe_file, f_path.dentry));
}

#define EXE(class) (1ULL << EXE_##class)
#define MAX_SHELLS 6

// shell_ancestor tells what started the shell: the classes of the nearest ancestor that is no shell itself.
__noinline u64 shell_ancestor(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 bits = 0;

	for (int i = 0; i < MAX_SHELLS; i++) {
		struct task_struct *parent = BPF_CORE_READ(task, real_parent);

		if (!parent || parent == task)
			break;
		task = parent;
		bits = classes_of_task(task);
		if (!(bits & EXE(SHELL)))
			return bits;
	}
	return 0;
}

static __always_inline struct pid_namespace *pid_namespace_of(struct task_struct *task)
{
	struct pid *p = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(p, level);
	struct pid_namespace *ns = NULL;

	bpf_probe_read_kernel(&ns, sizeof(ns), (void *)&p->numbers + level * bpf_core_type_size(struct upid) +
						       bpf_core_field_offset(struct upid, ns));
	return ns;
}

static __always_inline int pid_in_namespace(struct task_struct *task)
{
	struct pid *p = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(p, level);
	int nr = 0;

	bpf_probe_read_kernel(&nr, sizeof(nr), (void *)&p->numbers + level * bpf_core_type_size(struct upid) +
						       bpf_core_field_offset(struct upid, nr));
	return nr;
}

// was_entered says that the process was put into the container from outside, as kubectl exec does: its parent is in
// another process namespace or, where the container shares the node's, in another cgroup. The container's first process
// comes from outside, too, but it is process 1 of its namespace, or the first that its cgroup runs, however often that
// one becomes another program.
static __always_inline bool was_entered(struct actor *a, struct slot *s)
{
	struct task_struct *parent = a->task->real_parent;

	if (!parent)
		return false;
	if (pid_namespace_of(a->task) != pid_namespace_of(parent))
		return pid_in_namespace(a->task) != 1;
	if (cgroup_of(parent) == a->cgroup)
		return false;
	return a->cgroup <= newest_cgroup || s->execs > 0 && s->first != a->task->tgid;
}

static __always_inline struct inode *inode_of_descriptor(struct task_struct *task, u32 descriptor)
{
	return BPF_CORE_READ(file_of(task, descriptor), f_inode);
}

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17

// sock_of is the socket of a descriptor, NULL if it is something else.
static __always_inline struct sock *sock_of(struct task_struct *task, u32 descriptor)
{
	struct file *f = file_of(task, descriptor);

	if ((BPF_CORE_READ(f, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	struct socket *socket = BPF_CORE_READ(f, private_data);

	return BPF_CORE_READ(socket, sk);
}

static __always_inline bool is_ip(struct sock *sk)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

static __always_inline void count_shell(struct actor *a, struct slot *s)
{
	if (BPF_CORE_READ(task_of(a), signal, tty))
		add(a, COUNT_EXEC_SHELL_TERMINAL);
	if (was_entered(a, s))
		add(a, COUNT_EXEC_SHELL_ENTERED);
	if (is_ip(sock_of(a->task, 0)))
		add(a, COUNT_EXEC_SHELL_SOCKET);
	u64 by = shell_ancestor();

	if (by & EXE(SERVER))
		add(a, COUNT_EXEC_SHELL_SERVER);
	if (by & EXE(WEB_SERVER))
		add(a, COUNT_EXEC_SHELL_WEB_SERVER);
	if (by & EXE(DATABASE))
		add(a, COUNT_EXEC_SHELL_DATABASE);
	if (by & EXE(INTERPRETER))
		add(a, COUNT_EXEC_SHELL_INTERPRETER);
}

static __always_inline u64 change_time(struct inode *inode)
{
	s64 seconds = 0;
	long rest = 0;

	if (bpf_core_field_exists(((struct inode___ctime_sec *)0)->i_ctime_sec)) {
		seconds = BPF_CORE_READ((struct inode___ctime_sec *)inode, i_ctime_sec);
		rest = BPF_CORE_READ((struct inode___ctime_sec *)inode, i_ctime_nsec);
	} else if (bpf_core_field_exists(((struct inode___underscored *)0)->__i_ctime)) {
		seconds = BPF_CORE_READ((struct inode___underscored *)inode, __i_ctime.tv_sec);
		rest = BPF_CORE_READ((struct inode___underscored *)inode, __i_ctime.tv_nsec);
	} else {
		seconds = BPF_CORE_READ((struct inode___plain *)inode, i_ctime.tv_sec);
		rest = BPF_CORE_READ((struct inode___plain *)inode, i_ctime.tv_nsec);
	}
	// Since 6.13 the top bit of the nanoseconds says that the time was asked for (multigrain timestamps).
	return seconds * NANOSECONDS + (rest & 0x7fffffff);
}

// is_upper says that a file of an overlay file system is in its upper, writable layer. struct ovl_inode is that of a
// module: there the upper dentry follows the inode (fs/overlayfs/ovl_entry.h), since 4.8.
static __always_inline bool is_upper(struct inode *inode)
{
	void *upper = NULL;

	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper != NULL;
}

static __always_inline bool was_written(struct inode *inode, u64 magic, struct slot *s)
{
	if (magic == OVERLAYFS_SUPER_MAGIC && is_upper(inode))
		return true;
	return s->made && change_time(inode) > s->made + FILE_TIME_GRAIN;
}

static __always_inline bool is_memfd(struct dentry *d)
{
	char name[7] = {};

	bpf_probe_read_kernel(name, 6, BPF_CORE_READ(d, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

static __always_inline struct file_id id_of(struct inode *inode, u64 cgroup)
{
	struct file_id id = {
		.inode = BPF_CORE_READ(inode, i_ino),
		.device = BPF_CORE_READ(inode, i_sb, s_dev),
		.cgroup = cgroup,
	};
	return id;
}

static __always_inline void count_file(struct actor *a, struct slot *s, struct file *f)
{
	struct dentry *d = BPF_CORE_READ(f, f_path.dentry);
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);

	if (magic == TMPFS_MAGIC && is_memfd(d))
		add(a, COUNT_EXEC_MEMFD);
	else {
		if (magic == TMPFS_MAGIC)
			add(a, COUNT_EXEC_TMPFS);
		if (!BPF_CORE_READ(inode, i_nlink))
			add(a, COUNT_EXEC_DELETED);
		if (was_written(inode, magic, s))
			add(a, COUNT_EXEC_WRITTEN);
	}
	if (BPF_CORE_READ(inode, i_mode) & S_ISUID)
		add(a, COUNT_EXEC_SETUID);
	struct file_id any = id_of(inode, 0);

	if (bpf_map_lookup_elem(&created, &any))
		add(a, COUNT_EXEC_DROPPED);
	mark(a, DISTINCT_EXECUTABLES, any.inode ^ (u64)any.device << 40);
}

static __always_inline void look_for_first(struct actor *a, struct linux_binprm *bprm)
{
	struct inode *inode = BPF_CORE_READ(bprm, file, f_inode);
	struct file_id own = id_of(inode, a->cgroup);
	u8 one = 1;

	if (bpf_map_update_elem(&seen, &own, &one, BPF_NOEXIST))
		return;
	add(a, COUNT_EXEC_FIRST_SEEN);
	emit_event(a, EVENT_FIRST_EXEC, BPF_CORE_READ(bprm, filename), false);
}

static __always_inline u64 effective(const struct cred *cred)
{
	u64 caps = 0;

	bpf_probe_read_kernel(&caps, sizeof(caps), &cred->cap_effective);
	return caps;
}

// update_privileges compares the task's privileges with what they were when it was looked at last. A child that was
// never looked at has had its parent's.
static __always_inline void update_privileges(struct actor *a)
{
	const struct cred *cred = BPF_CORE_READ(task_of(a), cred);
	struct privileges now = {.euid = BPF_CORE_READ(cred, euid.val), .capabilities = effective(cred)};
	struct privileges *own = bpf_task_storage_get(&privileges, a->task, NULL, 0), *before = own;

	if (!before) {
		struct task_struct *parent = a->task->real_parent;

		if (parent)
			before = bpf_task_storage_get(&privileges, parent, NULL, 0);
	}
	if (before) {
		if (before->euid && !now.euid)
			add(a, COUNT_ROOT_GAINED);
		else if (now.capabilities & ~before->capabilities)
			add(a, COUNT_CAPABILITY_GAINED);
	}
	if (!own)
		own = bpf_task_storage_get(&privileges, a->task, &now, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (own)
		*own = now;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct actor a;

	if (!find_actor(&a))
		return 0;
	struct slot *s = bpf_map_lookup_elem(&slots, &a.slot);

	if (!s)
		return 0;
	add(&a, COUNT_EXEC);
	u64 bits = classes_of_task(a.task);

	add_classes(a.counters, COUNT_EXEC_CLASS, bits, EXE_CLASSES);
	if (bits & EXE(SHELL))
		count_shell(&a, s);
	if (!count_up(s->execs))
		s->first = a.task->tgid;
	if (!BPF_CORE_READ(task_of(&a), cred, euid.val))
		add(&a, COUNT_EXEC_ROOT);
	// Since 5.18 the kernel makes argv[0] an empty string where there are no arguments (fs/exec.c).
	if (BPF_CORE_READ(task_of(&a), mm, arg_end) - BPF_CORE_READ(task_of(&a), mm, arg_start) <= 1)
		add(&a, COUNT_EXEC_NO_ARGUMENTS);
	count_file(&a, s, BPF_CORE_READ(bprm, file));
	look_for_first(&a, bprm);
	return 0;
}

// A program of its own, so that a kernel without task storage for tracing loses no more than this.
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec_creds, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct actor a;

	if (find_actor(&a))
		update_privileges(&a);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct actor a;

	if (find_actor(&a))
		add(&a, child->pid == child->tgid ? COUNT_FORK : COUNT_THREAD);
	return 0;
}

#define SIGABRT 6
#define SIGKILL 9
#define SIGSEGV 11
#define SIGNAL_GROUP_EXIT 4U // include/linux/sched/signal.h

// The tracepoint says since 6.16 whether the last thread of the process exits; before, the count of live threads does,
// but two that exit at once may both find it zero. BPF_PROG would read the second argument where there is none.
SEC("tp_btf/sched_process_exit")
int on_exit(u64 *arguments)
{
	struct task_struct *task = (struct task_struct *)arguments[0];
	struct actor a;

	if (exit_tells_last) {
		if (!(arguments[1] & 0xff))
			return 0;
	} else if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	if (!find_actor(&a))
		return 0;
	// As wait(2) tells it: that of the first thread, unless something ended the process as a whole; since 5.19 the last
	// thread to exit does (kernel/exit.c, synchronize_group_exit).
	int code = BPF_CORE_READ(task, group_leader, exit_code);

	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		code = BPF_CORE_READ(task, signal, group_exit_code);
	u32 signal = code & 0x7f;

	add(&a, COUNT_EXIT);
	if (signal) {
		add(&a, COUNT_EXIT_SIGNAL);
		if (signal == SIGSEGV)
			add(&a, COUNT_EXIT_SEGV);
		if (signal == SIGABRT)
			add(&a, COUNT_EXIT_ABRT);
		if (signal == SIGKILL) {
			add(&a, COUNT_EXIT_KILL);
			// Set once and for ever in the victim (mm/oom_kill.c, mark_oom_victim).
			if (BPF_CORE_READ(task, signal, oom_mm))
				add(&a, COUNT_EXIT_OOM);
		}
	} else if (code >> 8 & 0xff)
		add(&a, COUNT_EXIT_NONZERO);
	if (bpf_ktime_get_boot_ns() - BPF_CORE_READ(task, group_leader, start_boottime) < NANOSECONDS)
		add(&a, COUNT_SHORT_LIVED);
	return 0;
}

#define SI_USER 0
#define SI_QUEUE -1
#define SI_TKILL -6
// Instead of a siginfo there may be SEND_SIG_NOINFO, 0, or SEND_SIG_PRIV, 1 (include/linux/signal.h).
#define FIRST_SIGINFO 2UL

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int signal, struct kernel_siginfo *info, struct task_struct *target)
{
	if ((unsigned long)info < FIRST_SIGINFO)
		return 0;
	int code = BPF_CORE_READ(info, si_code);

	if (code != SI_USER && code != SI_QUEUE && code != SI_TKILL)
		return 0;
	struct actor a;

	if (find_actor(&a) && cgroup_of(target) != a.cgroup)
		add(&a, COUNT_KILL_ACROSS);
	return 0;
}

#endif
