// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"slices"
	"strings"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// standsFor are the values of attributes that count several system calls, or one of another name.
func standsFor() map[string]string {
	return map[string]string{
		"kexec":       "kexec_load kexec_file_load",
		"init_module": "init_module finit_module",
		"mount":       "mount fsopen fsconfig fsmount fspick open_tree open_tree_attr mount_setattr",
		"umount":      "umount2",
		"quotactl":    "quotactl quotactl_fd",
		"swap":        "swapon swapoff",
		"iopl":        "iopl ioperm",
		"setuid":      "setuid setreuid setresuid setfsuid",
		"setgid":      "setgid setregid setresgid setfsgid setgroups",
	}
}

// numbersOf returns for each value the numbers of the system calls that it counts; none for those that are no names of
// system calls, nor for those that this architecture lacks.
func numbersOf(values []string) (numbers [][]int) {
	byName := callNumbers()
	for _, value := range values {
		names, several := standsFor()[value]
		if !several {
			names = value
		}
		var of []int
		for name := range strings.FieldsSeq(names) {
			if number, ok := byName[name]; ok {
				of = append(of, number)
			}
		}
		numbers = append(numbers, of)
	}
	return numbers
}

func callNumbers() map[string]int {
	numbers := map[string]int{}
	for number := range probe.Syscalls {
		if name := probe.SyscallName(number); name != "" {
			numbers[name] = number
		}
	}
	return numbers
}

// families are the families of system calls, by the value of nodesec.syscall.family; those in none of them are "other".
func families() map[string]string {
	return map[string]string{
		"file": `read write open close creat openat openat2 open_by_handle_at name_to_handle_at stat fstat lstat newfstatat statx
			lseek pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 access faccessat faccessat2 dup dup2 dup3
			sendfile fcntl flock fsync fdatasync truncate ftruncate getdents getdents64 getcwd chdir fchdir rename renameat
			renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink symlinkat readlink readlinkat chmod fchmod
			fchmodat fchmodat2 chown fchown lchown fchownat umask utime utimes futimesat utimensat mknod mknodat statfs fstatfs
			ustat sync syncfs sync_file_range readahead fadvise64 fallocate setxattr lsetxattr fsetxattr getxattr lgetxattr
			fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr setxattrat getxattrat listxattrat
			removexattrat splice tee vmsplice copy_file_range close_range ioctl inotify_init inotify_init1 inotify_add_watch
			inotify_rm_watch fanotify_init fanotify_mark io_setup io_destroy io_getevents io_submit io_cancel io_pgetevents
			io_uring_setup io_uring_enter io_uring_register cachestat file_getattr file_setattr statmount listmount quotactl
			quotactl_fd`,
		"network": `socket socketpair connect accept accept4 bind listen sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
			shutdown getsockname getpeername setsockopt getsockopt`,
		"process": `clone clone3 fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid setpgid
			getpgrp setsid getsid ptrace prctl arch_prctl sched_yield sched_setparam sched_getparam sched_setscheduler
			sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity
			sched_getaffinity sched_setattr sched_getattr getpriority setpriority ioprio_set ioprio_get getrlimit setrlimit
			prlimit64 getrusage times set_tid_address set_robust_list get_robust_list rseq pidfd_open pidfd_getfd kcmp personality
			process_vm_readv process_vm_writev process_madvise process_mrelease getcpu membarrier acct modify_ldt
			set_thread_area get_thread_area`,
		"memory": `mmap mprotect munmap brk mremap msync mincore madvise mlock mlock2 munlock mlockall munlockall memfd_create
			memfd_secret userfaultfd pkey_mprotect pkey_alloc pkey_free remap_file_pages mbind set_mempolicy get_mempolicy
			migrate_pages move_pages set_mempolicy_home_node map_shadow_stack mseal swapon swapoff`,
		"ipc": `pipe pipe2 shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink
			mq_timedsend mq_timedreceive mq_notify mq_getsetattr futex futex_waitv futex_wake futex_wait futex_requeue eventfd
			eventfd2 poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2`,
		"time": `nanosleep clock_nanosleep gettimeofday settimeofday time clock_gettime clock_settime clock_getres clock_adjtime
			adjtimex getitimer setitimer alarm timer_create timer_settime timer_gettime timer_getoverrun timer_delete
			timerfd_create timerfd_settime timerfd_gettime`,
		"signal": `kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo
			rt_tgsigqueueinfo rt_sigsuspend sigaltstack pause signalfd signalfd4 pidfd_send_signal restart_syscall`,
		"namespace": `unshare setns mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount
			fspick mount_setattr sethostname setdomainname listns`,
		"privilege": `getuid geteuid getgid getegid setuid setgid setreuid setregid setresuid setresgid getresuid getresgid
			setfsuid setfsgid getgroups setgroups capget capset seccomp keyctl add_key request_key bpf perf_event_open
			init_module finit_module delete_module kexec_load kexec_file_load iopl ioperm reboot syslog
			landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr lsm_set_self_attr
			lsm_list_modules`,
	}
}

// familyOfCalls returns for each system call the place of its family in values, whose last one is that of all others.
func familyOfCalls(values []string) (family [probe.Syscalls]uint8) {
	other := uint8(len(values) - 1)
	byName := map[string]uint8{}
	for value, names := range families() {
		for name := range strings.FieldsSeq(names) {
			byName[name] = uint8(slices.Index(values, value))
		}
	}
	for number := range family {
		place, known := byName[probe.SyscallName(number)]
		if !known {
			place = other
		}
		family[number] = place
	}
	return family
}

// frequent returns the numbers of the system calls that were most frequent, at most top of them.
func frequent(c *probe.Counters, top int) (numbers []int) {
	for number, n := range c.Syscalls {
		if n > 0 && probe.SyscallName(number) != "" {
			numbers = append(numbers, number)
		}
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return int(c.Syscalls[b]) - int(c.Syscalls[a]) })
	return numbers[:min(top, len(numbers))]
}
