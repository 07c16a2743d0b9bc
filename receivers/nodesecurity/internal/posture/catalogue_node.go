// SPDX-License-Identifier: Apache-2.0

package posture

// What is counted and watched for changes.
const (
	accounts           = "accounts"
	rootAccounts       = "root_accounts"
	authorizedKeys     = "authorized_keys"
	cronEntries        = "cron_entries"
	systemdUnits       = "systemd_units"
	modules            = "modules"
	setuidFiles        = "setuid_files"
	preloadedLibraries = "preloaded_libraries"

	cron             = "cron"
	listeningPorts   = "listening_ports"
	kernelParameters = "kernel_parameters"
	sudoers          = "sudoers"
)

func inventory() []Value {
	return []Value{
		{accounts, "Accounts in /etc/passwd."},
		{rootAccounts, "Accounts in /etc/passwd with user ID 0."},
		{authorizedKeys, "Keys in .ssh/authorized_keys and authorized_keys2 of /root and of all homes in /etc/passwd that are on local file systems; a symbolic link there is not followed and counts as one."},
		{cronEntries, "Entries of crontabs, and files in /etc/cron.hourly, daily, weekly and monthly."},
		{systemdUnits, "Unit files of systemd, drop-ins and links."},
		{modules, "Loaded kernel modules."},
		{setuidFiles, "Setuid files in directories of programs, as of the last complete sweep; a sweep takes several readings if there are many files."},
		{preloadedLibraries, "Libraries in /etc/ld.so.preload."},
	}
}

func changedSubjects() []Value {
	return []Value{
		{accounts, "/etc/passwd, group, shadow and gshadow."},
		{authorizedKeys, "authorized_keys of all homes."},
		{cron, "Crontabs and scripts of cron."},
		{systemdUnits, "Unit files of systemd."},
		{setuidFiles, "Setuid files: path, mode, owner, size, inode, change time."},
		{listeningPorts, "Listening ports and whether they are bound to wildcard addresses, without UDP ports of the ephemeral range."},
		{modules, "Names of loaded kernel modules."},
		{kernelParameters, "The sysctls of this catalogue and kernel.core_pattern, modprobe, poweroff_cmd and usermodehelper."},
		{sudoers, "/etc/sudoers and sudoers.d."},
		{preloadedLibraries, "/etc/ld.so.preload."},
	}
}

func lsmNames() []Value {
	return []Value{
		{"apparmor", "AppArmor."}, {"selinux", "SELinux."}, {"smack", "Smack."}, {"tomoyo", "TOMOYO."},
		{"yama", "Yama: ptrace scope."}, {"lockdown", "Lockdown."}, {"landlock", "Landlock."}, {"bpf", "BPF LSM."},
		{"integrity", "IMA and EVM before they were modules of their own."}, {"ima", "IMA."}, {"evm", "EVM."},
		{"ipe", "IPE."}, {"safesetid", "SafeSetID."}, {"loadpin", "LoadPin."},
		{selinuxEnforcing, "SELinux is enforcing, not permissive."},
	}
}

const selinuxEnforcing = "selinux_enforcing"

// taint is a bit of the kernel's taint mask.
type taint struct {
	bit        uint // kernel include/linux/panic.h, TAINT_
	name, text string
}

func taints() []taint {
	return []taint{
		{0, "proprietary_module", "A proprietary module was loaded."},
		{1, "forced_module", "A module was loaded by force."},
		{3, "forced_unload", "A module was unloaded by force."},
		{7, "oops", "The kernel has oopsed."},
		{9, "warning", "The kernel has warned."},
		{12, "out_of_tree_module", "A module from outside of the kernel's tree was loaded."},
		{13, "unsigned_module", "An unsigned module was loaded."},
		{15, "livepatch", "The kernel was live patched."},
	}
}

// The names of counts of listening ports.
const (
	tcpPorts         = "tcp"
	udpPorts         = "udp"
	tcpWildcardPorts = "tcp_wildcard"
	udpWildcardPorts = "udp_wildcard"
	newPorts         = "new"
)

func portCounts() []Value {
	return []Value{
		{tcpPorts, "Listening TCP ports."},
		{udpPorts, "Ports of unconnected UDP sockets."},
		{tcpWildcardPorts, "Of tcp, those bound to a wildcard address."},
		{udpWildcardPorts, "Of udp, those bound to a wildcard address."},
		{newPorts, "Ports that did not listen at the previous reading, without UDP ports of the ephemeral range."},
	}
}

func kubeletPorts() []kubeletPort {
	return []kubeletPort{
		{10250, "api", "Port 10250, the kubelet's API, listens on more than loopback."},
		{10255, "read_only", "Port 10255, the kubelet's API without authentication, listens on more than loopback."},
	}
}

type kubeletPort struct {
	port       uint32
	name, text string
}

func nodeCatalogue() []Description {
	var sysctlValues, taintValues, kubeletValues []Value
	for _, s := range sysctls() {
		sysctlValues = append(sysctlValues, Value{s.name, s.text})
	}
	for _, t := range taints() {
		taintValues = append(taintValues, Value{t.name, t.text})
	}
	for _, k := range kubeletPorts() {
		kubeletValues = append(kubeletValues, Value{k.name, k.text})
	}
	const prefix = "nodesec.posture."
	return []Description{
		{Sysctl, ScopeNode, prefix + "sysctl", prefix + "sysctl.name", false, "1",
			"Kernel parameters that harden the node, as the kernel has them.", sysctlValues},
		{Lockdown, ScopeNode, prefix + "lockdown", "", false, "1",
			"Lockdown mode: 0 none, 1 integrity, 2 confidentiality.", nil},
		{SecureBoot, ScopeNode, prefix + "secure_boot", "", true, "1", "UEFI Secure Boot was on at boot.", nil},
		{LSM, ScopeNode, prefix + "lsm", prefix + "lsm.name", true, "1", "Active security modules of the kernel.", lsmNames()},
		{Taint, ScopeNode, prefix + "taint", "", false, "1", "The kernel's taint mask.", nil},
		{TaintFlag, ScopeNode, prefix + "taint.flag", prefix + "taint.flag.name", true, "1", "Bits of the taint mask.", taintValues},
		{CPUVulnerabilities, ScopeNode, prefix + "cpu_vulnerabilities", "", false, "{vulnerability}",
			"Vulnerabilities of the CPU that the kernel says are not, or not wholly, mitigated.", nil},
		{ListeningPorts, ScopeNode, prefix + "ports", prefix + "ports.kind", false, "{port}",
			"Listening ports in the node's network namespace, IPv4 and IPv6 together.", portCounts()},
		{KubeletPort, ScopeNode, prefix + "kubelet_port", prefix + "kubelet_port.name", true, "1", "Open ports of the kubelet.", kubeletValues},
		{Inventory, ScopeNode, prefix + "inventory", prefix + "inventory.subject", false, "{entry}",
			"How many there are of what decides who may do what on the node.", inventory()},
		{Changed, ScopeNode, prefix + "changed", prefix + "changed.subject", true, "1",
			"Whether the content differs from the previous reading; absent at the first.", changedSubjects()},
	}
}
