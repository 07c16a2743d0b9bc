// SPDX-License-Identifier: Apache-2.0

package probe

// Syscalls is how many system calls Counters tells apart; the last place counts those without a number of their own.
const Syscalls = len(bpfCounters{}.Syscalls)

// SyscallName returns the name of the system call with this number on this machine; empty if it is not known.
func SyscallName(number int) string {
	if names := syscallNames(); number < len(names) {
		return names[number]
	}
	return ""
}

// none stands for an argument that a system call does not have: it must be bpf/shared.h's NO_ARGUMENT.
const none = 0xff

// actions tells the calls that have a handler, and which of their arguments are paths and directory descriptors.
func actions() map[string]bpfCall {
	plain := func(a bpfAction) bpfCall {
		return bpfCall{Action: uint8(a), Path: none, Dir: none, Path2: none, Dir2: none}
	}
	flags := func(a bpfAction) bpfCall {
		return bpfCall{Action: uint8(a), Path: 0, Dir: none, Path2: none, Dir2: none}
	}
	at := func(a bpfAction, path, dir uint8) bpfCall {
		return bpfCall{Action: uint8(a), Path: path, Dir: dir, Path2: none, Dir2: none}
	}
	two := func(a bpfAction, path, dir, path2, dir2 uint8) bpfCall {
		return bpfCall{Action: uint8(a), Path: path, Dir: dir, Path2: path2, Dir2: dir2}
	}
	cred := plain(bpfActionACTION_CRED)
	return map[string]bpfCall{
		"execve": plain(bpfActionACTION_EXEC), "execveat": plain(bpfActionACTION_EXEC),

		"open": two(bpfActionACTION_OPEN, 0, none, 1, none), "creat": at(bpfActionACTION_OPEN, 0, none),
		"openat": two(bpfActionACTION_OPEN, 1, 0, 2, none), "openat2": two(bpfActionACTION_OPEN, 1, 0, 2, 2),
		"open_by_handle_at": two(bpfActionACTION_OPEN, none, none, 2, none),
		"unlink":            at(bpfActionACTION_REMOVE, 0, none), "rmdir": at(bpfActionACTION_REMOVE, 0, none),
		"unlinkat": at(bpfActionACTION_REMOVE, 1, 0),
		"rename":   two(bpfActionACTION_RENAME, 0, none, 1, none), "renameat": two(bpfActionACTION_RENAME, 1, 0, 3, 2),
		"renameat2": two(bpfActionACTION_RENAME, 1, 0, 3, 2),
		"link":      two(bpfActionACTION_LINK, 0, none, 1, none), "symlink": two(bpfActionACTION_LINK, 0, none, 1, none),
		"linkat": two(bpfActionACTION_LINK, 1, 0, 3, 2), "symlinkat": two(bpfActionACTION_LINK, 0, none, 2, 1),
		"mkdir": at(bpfActionACTION_MKDIR, 0, none), "mkdirat": at(bpfActionACTION_MKDIR, 1, 0),
		"chmod": at(bpfActionACTION_CHMOD, 1, none), "fchmod": at(bpfActionACTION_CHMOD, 1, none),
		"fchmodat": at(bpfActionACTION_CHMOD, 2, none), "fchmodat2": at(bpfActionACTION_CHMOD, 2, none),
		"chown": plain(bpfActionACTION_CHOWN), "lchown": plain(bpfActionACTION_CHOWN), "fchown": plain(bpfActionACTION_CHOWN),
		"fchownat": plain(bpfActionACTION_CHOWN),
		"truncate": at(bpfActionACTION_TRUNCATE, 0, none), "ftruncate": at(bpfActionACTION_TRUNCATE, none, 0),

		"ptrace": plain(bpfActionACTION_PTRACE), "mmap": plain(bpfActionACTION_MMAP),
		"mprotect": plain(bpfActionACTION_MPROTECT), "pkey_mprotect": plain(bpfActionACTION_MPROTECT),
		// Those that make a task return in it, too, with zero: ACTION_CLONE keeps that from being counted.
		"clone": flags(bpfActionACTION_CLONE), "fork": plain(bpfActionACTION_CLONE), "vfork": plain(bpfActionACTION_CLONE),
		"clone3": plain(bpfActionACTION_CLONE3), "unshare": flags(bpfActionACTION_UNSHARE), "bpf": plain(bpfActionACTION_BPF),
		"init_module": plain(bpfActionACTION_MODULE), "finit_module": plain(bpfActionACTION_MODULE),
		"delete_module": plain(bpfActionACTION_UNMODULE),

		"setuid": cred, "setgid": cred, "setreuid": cred, "setregid": cred, "setresuid": cred, "setresgid": cred,
		"setfsuid": cred, "setfsgid": cred, "capset": cred, "setgroups": cred,

		"socket": plain(bpfActionACTION_SOCKET), "connect": plain(bpfActionACTION_CONNECT),
		"accept": plain(bpfActionACTION_ACCEPT), "accept4": plain(bpfActionACTION_ACCEPT),
		"sendto": plain(bpfActionACTION_SENDTO), "sendmsg": plain(bpfActionACTION_SENDMSG),
		"sendmmsg": plain(bpfActionACTION_SENDMMSG),
		"dup":      plain(bpfActionACTION_DUP), "dup2": plain(bpfActionACTION_DUP), "dup3": plain(bpfActionACTION_DUP),
	}
}

// callTable is actions by number.
func callTable() (table [Syscalls]bpfCall) {
	byName := actions()
	for number, name := range syscallNames() {
		if call, ok := byName[name]; ok && name != "" {
			table[number] = call
		}
	}
	return table
}
