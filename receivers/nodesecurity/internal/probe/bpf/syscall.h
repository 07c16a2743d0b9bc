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

#endif
