// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// What the programs and user space share: the layout of what is counted, and the numbers of classes. bpf2go makes Go
// types and constants of it; a test compares the layouts.
#ifndef NODESEC_SHARED_H
#define NODESEC_SHARED_H

#define SYSCALLS 512
// The place of a system call without a number: rt_sigreturn on x86, which restores another one, and numbers out of range.
#define SYSCALL_OTHER (SYSCALLS - 1)

// Classes of executables that decide more than a counter of their own. Numbers as in package classes.
enum exe_class {
	EXE_SHELL = 0,
	EXE_INTERPRETER = 1,
	EXE_SERVER = 15,
	EXE_WEB_SERVER = 16,
	EXE_DATABASE = 17,
	EXE_SSH_CLIENT = 19,
	EXE_CLASSES = 20,
};

enum path_class {
	PATH_LOG = 15,
	PATH_RUNTIME_SOCKET = 16,
	PATH_VOLUME = 17,
	PATH_CLASSES = 18,
};

enum port_class {
	PORT_SSH = 5,
	PORT_DNS = 6,
	PORT_CLASSES = 7,
};

enum net_class {
	NET_LOOPBACK = 0,
	NET_PRIVATE = 1,
	NET_LINK_LOCAL = 2,
	NET_METADATA = 3,
	NET_MULTICAST = 4,
	NET_API_SERVER = 5,
	NET_CLASSES = 6,
};

// The counters of a cgroup besides the histogram of system calls. Each only grows, modulo 2^32.
enum count {
	COUNT_SYSCALL_ERRORS,
	COUNT_SYSCALL_DENIED, // EPERM, EACCES
	COUNT_SYSCALL_COMPAT, // 32-bit system calls on a 64-bit kernel

	COUNT_EXEC,
	COUNT_EXEC_FAILED,
	COUNT_EXEC_ROOT,
	COUNT_EXEC_SHELL_TERMINAL,
	COUNT_EXEC_SHELL_ENTERED,
	COUNT_EXEC_SHELL_SERVER,
	COUNT_EXEC_SHELL_WEB_SERVER,
	COUNT_EXEC_SHELL_DATABASE,
	COUNT_EXEC_SHELL_INTERPRETER,
	COUNT_EXEC_SHELL_SOCKET,
	COUNT_EXEC_TMPFS,
	COUNT_EXEC_MEMFD,
	COUNT_EXEC_DELETED,
	COUNT_EXEC_WRITTEN,
	COUNT_EXEC_DROPPED,
	COUNT_EXEC_NO_ARGUMENTS,
	COUNT_EXEC_SETUID,
	COUNT_EXEC_FIRST_SEEN,
	COUNT_EXEC_CLASS, // the first of EXE_CLASSES
	COUNT_EXEC_CLASS_LAST = COUNT_EXEC_CLASS + EXE_CLASSES - 1,

	COUNT_FORK,
	COUNT_THREAD,
	COUNT_EXIT,
	COUNT_EXIT_NONZERO,
	COUNT_EXIT_SEGV,
	COUNT_EXIT_ABRT,
	COUNT_EXIT_KILL,
	COUNT_EXIT_SIGNAL, // by any signal
	COUNT_EXIT_OOM,	   // killed because memory ran out
	COUNT_SHORT_LIVED, // less than a second

	COUNT_PTRACE_ATTACH,
	COUNT_PTRACE_TRACEME,
	COUNT_PTRACE_OTHER,
	COUNT_MMAP_WX,
	COUNT_MPROTECT_WX,
	COUNT_NEW_USER_NAMESPACE,
	COUNT_BPF_PROG_LOAD,
	COUNT_BPF_MAP_CREATE,
	COUNT_BPF_OTHER,
	COUNT_MODULE_LOADED,
	COUNT_MODULE_UNLOADED,
	COUNT_BPF_LOADED,

	COUNT_ROOT_GAINED,
	COUNT_CAPABILITY_GAINED,
	COUNT_CHMOD_SETUID,
	COUNT_CHMOD_SETGID,
	COUNT_KILL_ACROSS,

	COUNT_OPEN,
	COUNT_OPEN_FAILED,
	COUNT_CREATE,
	COUNT_CREATE_HIDDEN,
	COUNT_UNLINK,
	COUNT_RENAME,
	COUNT_LINK,
	COUNT_CHMOD,
	COUNT_CHMOD_EXECUTABLE,
	COUNT_CHOWN,
	COUNT_TRUNCATE,
	COUNT_OPEN_DEVICE,
	COUNT_OPEN_HOST_PATH,
	COUNT_OPEN_TRAVERSAL,
	COUNT_READ_ENVIRON, // of another process, as the next two
	COUNT_OPEN_MEM,
	COUNT_READ_MAPS,
	COUNT_LINK_SENSITIVE,
	COUNT_READ,                               // the first of PATH_CLASSES
	COUNT_READ_LAST = COUNT_READ + PATH_CLASSES - 1,
	COUNT_WRITE,                              // the first of PATH_CLASSES
	COUNT_WRITE_LAST = COUNT_WRITE + PATH_CLASSES - 1,
	COUNT_REMOVE,                             // the first of PATH_CLASSES
	COUNT_REMOVE_LAST = COUNT_REMOVE + PATH_CLASSES - 1,

	COUNT_CONNECT,
	COUNT_CONNECT_FAILED,
	COUNT_CONNECT_EXTERNAL,
	COUNT_CONNECT_SHELL,
	COUNT_CONNECT_INTERPRETER,
	COUNT_CONNECT_SSH_ODD_PORT,
	COUNT_CONNECT_RUNTIME_SOCKET,
	COUNT_CONNECT_NET,                        // the first of NET_CLASSES
	COUNT_CONNECT_NET_LAST = COUNT_CONNECT_NET + NET_CLASSES - 1,
	COUNT_CONNECT_PORT,                       // the first of PORT_CLASSES
	COUNT_CONNECT_PORT_LAST = COUNT_CONNECT_PORT + PORT_CLASSES - 1,
	COUNT_ACCEPT,
	COUNT_LISTEN,
	COUNT_UDP_FLOW,
	COUNT_DNS_QUERY,
	COUNT_RETRANSMIT,
	COUNT_RESET_SENT,
	COUNT_RESET_RECEIVED,
	COUNT_RAW_SOCKET,
	COUNT_PACKET_SOCKET,
	COUNT_STDIO_SOCKET,
	COUNT_SENT_MESSAGES,
	COUNT_RECEIVED_MESSAGES,

	COUNTS,
};

// Counters that pass 2^32 within a tick.
enum big_count {
	BIG_SENT_BYTES,
	BIG_RECEIVED_BYTES,
	BIG_DNS_BYTES,
	BIG_COUNTS = 8,
};

// What a shard of a slot counts. The size is a multiple of a cache line, so that shards share none.
struct counters {
	u32 syscalls[SYSCALLS];
	u64 big[BIG_COUNTS];
	u32 counts[COUNTS];
} __attribute__((aligned(64)));

// A slot: the cgroup whose counters have its number. Zero means free.
struct slot {
	u64 cgroup;
	u64 born;  // first counted event, ns since boot (CLOCK_BOOTTIME)
	u64 made;  // when the cgroup was made, ns since the epoch; 0 if unknown
	u32 execs; // how many, to tell the first from others
	u32 first; // the process that did the first
};

enum distinct_kind {
	DISTINCT_EXECUTABLES,
	DISTINCT_DIRECTORIES,
	DISTINCT_ADDRESSES,
	DISTINCT_PORTS,
	DISTINCT_DNS_LENGTHS,
	DISTINCT_KINDS,
};

#define DISTINCT_WORDS 16
#define DISTINCT_BITS (DISTINCT_WORDS * 64)

// Bitmaps for linear counting (Whang, Vander-Zanden, Taylor 1990) of what is distinct in a tick: programs set bits in
// those of the current epoch while user space reads and clears the other's.
struct distinct {
	u64 bits[2][DISTINCT_KINDS][DISTINCT_WORDS];
};

// What was lost, by reason.
enum lost {
	LOST_SLOT,   // events counted in slot 0, because no slot was free
	LOST_EVENT,  // events with text that did not fit
	LOST_CGROUP, // news of cgroups that did not fit
	LOST_KINDS = 8,
};

enum event_kind {
	EVENT_FIRST_EXEC = 1,
	EVENT_MODULE_LOAD,
	EVENT_BPF_LOAD,
};

#define TEXT 256

struct event {
	u64 time; // ns since boot (CLOCK_BOOTTIME)
	u64 cgroup;
	u32 kind;
	u32 pid;
	char comm[16];
	char text[TEXT];
};

enum cgroup_news_kind {
	CGROUP_MADE = 1,
	CGROUP_REMOVED,
};

#define CGROUP_PATH 384

// A cgroup that was made, or one that was removed: then without the path.
struct cgroup_news {
	u64 time; // ns since boot (CLOCK_BOOTTIME)
	u64 cgroup;
	u32 kind;
	u32 unused;
};

struct cgroup_made {
	struct cgroup_news news;
	char path[CGROUP_PATH];
};

#define NAME 28

struct path_key {
	u32 node; // the directory; 0 is the root
	char name[NAME];
};

#define PATH_HAS_NAMES 1U
#define PATH_HAS_ANY 2U // the child "*"

struct path_value {
	u32 node; // where to go on; 0 if nothing below matters
	u32 flags;
	u64 bits;
};

struct network_key {
	u32 length; // of the prefix, in bits
	u8 address[16];
};

// What to do about a system call besides counting it.
enum action {
	ACTION_NONE,
	ACTION_EXEC,
	ACTION_OPEN,
	ACTION_REMOVE,
	ACTION_RENAME,
	ACTION_LINK,
	ACTION_CHMOD,
	ACTION_CHOWN,
	ACTION_TRUNCATE,
	ACTION_MKDIR,
	ACTION_PTRACE,
	ACTION_MMAP,
	ACTION_MPROTECT,
	ACTION_CLONE,
	ACTION_CLONE3,
	ACTION_UNSHARE,
	ACTION_BPF,
	ACTION_MODULE,
	ACTION_UNMODULE,
	ACTION_CRED,
	ACTION_SOCKET,
	ACTION_CONNECT,
	ACTION_ACCEPT,
	ACTION_SENDTO,
	ACTION_SENDMSG,
	ACTION_SENDMMSG,
	ACTION_DUP,
	ACTIONS,
};

#define NO_ARGUMENT 0xff

// How to handle a system call: the action, and which of its arguments are what.
struct call {
	u8 action;
	u8 path; // the path, or for chmod the mode, for clone the flags; NO_ARGUMENT if there is none
	u8 dir;  // the descriptor that a relative path starts at, or without a path that of the file; NO_ARGUMENT if that is
		 // the working directory
	u8 path2; // for open the flags; NO_ARGUMENT if they are those of creat
	u8 dir2;  // for open not NO_ARGUMENT if path2 points to the flags
	u8 unused[3];
};

#endif
