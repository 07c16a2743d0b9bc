// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// sysctl is a kernel parameter that is a number.
type sysctl struct {
	name string // its path below /proc/sys with underscores for slashes and dots
	path string
	text string
	// per is the namespace that the kernel keeps it for, and shows of the reader's, whatever /proc is read; nsKinds if
	// there is one for the whole system.
	per nsKind
}

// sysctls lists them. Their meanings are in the kernel's Documentation/admin-guide/sysctl.
func sysctls() []sysctl {
	return []sysctl{
		{"kernel_kptr_restrict", "kernel/kptr_restrict", "Kernel addresses are hidden: 0 no, 1 from the unprivileged, 2 from all.", nsKinds},
		{"kernel_dmesg_restrict", "kernel/dmesg_restrict", "Kernel messages need CAP_SYSLOG.", nsKinds},
		{"kernel_unprivileged_bpf_disabled", "kernel/unprivileged_bpf_disabled", "Unprivileged bpf(2) is off: 0 no, 1 for good, 2 yes.", nsKinds},
		{"kernel_perf_event_paranoid", "kernel/perf_event_paranoid", "Restriction of perf_event_open(2), from -1 to 4.", nsKinds},
		{"kernel_yama_ptrace_scope", "kernel/yama/ptrace_scope", "Restriction of ptrace(2), from 0 to 3.", nsKinds},
		{"kernel_unprivileged_userns_clone", "kernel/unprivileged_userns_clone", "Debian: the unprivileged may make user namespaces.", nsKinds},
		{"kernel_apparmor_restrict_unprivileged_userns", "kernel/apparmor_restrict_unprivileged_userns", "Ubuntu: AppArmor restricts user namespaces of the unprivileged.", nsKinds},
		{"user_max_user_namespaces", "user/max_user_namespaces", "Most user namespaces of a user; 0 is none.", nsUser},
		{"kernel_kexec_load_disabled", "kernel/kexec_load_disabled", "kexec is off.", nsKinds},
		{"kernel_modules_disabled", "kernel/modules_disabled", "Loading modules is off for good.", nsKinds},
		{"kernel_randomize_va_space", "kernel/randomize_va_space", "Address space layout randomisation: 0 off, 1 without heap, 2 full.", nsKinds},
		{"kernel_sysrq", "kernel/sysrq", "Allowed SysRq functions: 0 none, 1 all, else a mask.", nsKinds},
		{"kernel_io_uring_disabled", "kernel/io_uring_disabled", "io_uring is off: 0 no, 1 for the unprivileged, 2 for all.", nsKinds},
		{"fs_suid_dumpable", "fs/suid_dumpable", "Core dumps of setuid programs: 0 none, 1 all, 2 readable by root.", nsKinds},
		{"fs_protected_symlinks", "fs/protected_symlinks", "Symbolic links in sticky directories are not followed.", nsKinds},
		{"fs_protected_hardlinks", "fs/protected_hardlinks", "No hard links to files of others.", nsKinds},
		{"fs_protected_fifos", "fs/protected_fifos", "No opening of FIFOs of others in sticky directories, from 0 to 2.", nsKinds},
		{"fs_protected_regular", "fs/protected_regular", "No opening of files of others in sticky directories, from 0 to 2.", nsKinds},
		{"vm_mmap_min_addr", "vm/mmap_min_addr", "Lowest address that a process may map.", nsKinds},
		{"vm_unprivileged_userfaultfd", "vm/unprivileged_userfaultfd", "The unprivileged may handle kernel faults by userfaultfd(2).", nsKinds},
		{"dev_tty_ldisc_autoload", "dev/tty/ldisc_autoload", "The unprivileged may load line disciplines.", nsKinds},
		{"dev_tty_legacy_tiocsti", "dev/tty/legacy_tiocsti", "TIOCSTI, which types into terminals, is allowed.", nsKinds},
		{"net_core_bpf_jit_harden", "net/core/bpf_jit_harden", "The BPF compiler is hardened: 0 no, 1 for the unprivileged, 2 for all.", nsNet},
		{"net_ipv4_ip_forward", "net/ipv4/ip_forward", "IPv4 is forwarded.", nsNet},
		{"net_ipv4_conf_all_rp_filter", "net/ipv4/conf/all/rp_filter", "Source validation: 0 none, 1 strict, 2 loose.", nsNet},
		{"net_ipv4_conf_all_accept_redirects", "net/ipv4/conf/all/accept_redirects", "ICMP redirects are accepted.", nsNet},
		{"net_ipv4_conf_all_accept_source_route", "net/ipv4/conf/all/accept_source_route", "Source-routed packets are accepted.", nsNet},
		{"net_ipv4_tcp_syncookies", "net/ipv4/tcp_syncookies", "SYN cookies: 0 off, 1 under pressure, 2 always.", nsNet},
		{"net_ipv6_conf_all_forwarding", "net/ipv6/conf/all/forwarding", "IPv6 is forwarded.", nsNet},
		{"net_ipv6_conf_all_accept_redirects", "net/ipv6/conf/all/accept_redirects", "ICMPv6 redirects are accepted.", nsNet},
	}
}

// readSysctls reads the parameters, and of those that are programs the kernel starts whether they changed.
func (r *Reader) readSysctls(n *node) {
	own := [nsKinds + 1]bool{nsNet: r.host.isOwn(nsNet), nsUser: r.host.isOwn(nsUser), nsKinds: true}
	var sum fingerprint
	for i := range r.sysctls {
		s := &r.sysctls[i]
		if !own[s.per] {
			continue
		}
		value, err := r.number("/proc/sys/" + s.path)
		if err != nil {
			n.fail(err)
			continue
		}
		n.add(Sysctl, s.name, value)
		sum.add(s.name, strconv.AppendInt(nil, value, 10))
	}
	for _, path := range [...]string{
		"kernel/core_pattern", "kernel/modprobe", "kernel/poweroff_cmd", "kernel/usermodehelper/bset",
		"kernel/usermodehelper/inheritable",
	} {
		data, err := r.kernel.ReadFile(r.root + "/proc/sys/" + path)
		if err != nil {
			n.fail(ignoring(err, unix.EPERM))
			continue
		}
		sum.add(path, data)
	}
	r.change(n, kernelParameters, sum)
}
