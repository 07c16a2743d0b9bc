// SPDX-License-Identifier: Apache-2.0

package posture

// The names of properties.
const (
	privileged             = "privileged"
	root                   = "root"
	containerRoot          = "container_root"
	hostPID                = "host_pid"
	hostNetwork            = "host_network"
	hostIPC                = "host_ipc"
	hostUTS                = "host_uts"
	hostCgroup             = "host_cgroup"
	hostUser               = "host_user"
	hostMount              = "host_mount"
	newPrivileges          = "new_privileges"
	seccompOff             = "seccomp_off"
	lsmUnconfined          = "lsm_unconfined"
	writableRoot           = "writable_root"
	hostPathMounted        = "host_path"
	writableHostPath       = "writable_host_path"
	sensitiveHostPath      = "sensitive_host_path"
	runtimeSocket          = "runtime_socket"
	serviceAccountToken    = "service_account_token"
	sharedProcessNamespace = "shared_process_namespace"
)

type property = Value

func properties() []property {
	return []property{
		{privileged, "All capabilities that the node's process 1 may have are in the bounding set, no seccomp filter, sysfs mounted to be written, no user namespace of its own."},
		{root, "The main process has effective user ID 0 of the reader's user namespace, which is the node's."},
		{containerRoot, "The main process has effective user ID 0 of its own user namespace."},
		{hostPID, "In the node's PID namespace."},
		{hostNetwork, "In the node's network namespace."},
		{hostIPC, "In the node's IPC namespace."},
		{hostUTS, "In the node's UTS namespace."},
		{hostCgroup, "In the node's cgroup namespace."},
		{hostUser, "In the node's user namespace: user IDs and capabilities are those of the node."},
		{hostMount, "In the node's mount namespace: not a container, but a service of the node."},
		{newPrivileges, "no_new_privs is off: setuid files and file capabilities can raise privileges."},
		{seccompOff, "No seccomp filter."},
		{lsmUnconfined, "AppArmor or SELinux does not confine the main process; an AppArmor profile in complain mode counts as that."},
		{writableRoot, "The root file system is writable."},
		{hostPathMounted, "A path of the node is mounted other than those that kubelet and runtimes make for each container."},
		{writableHostPath, "A path of the node counted by host_path is mounted writable."},
		{sensitiveHostPath, "A sensitive path of the node is mounted, or one above it: /, /etc, /root, /proc, /sys, /dev, /boot, /usr, /home, /run, state of kubelet, runtimes, etcd, systemd."},
		{runtimeSocket, "The socket of a container runtime is mounted, or the directory it is in."},
		{serviceAccountToken, "A Kubernetes service account token is mounted."},
		{sharedProcessNamespace, "Another container has the same PID namespace, which is not the node's."},
	}
}

// capability is one by which its owner can leave the container or lie to the node.
type capability struct {
	bit        uint64 // kernel include/uapi/linux/capability.h
	name, text string
}

func capabilities() []capability {
	return []capability{
		{0, "chown", "Change owners of files."},
		{1, "dac_override", "Ignore permissions of files."},
		{2, "dac_read_search", "Ignore read permissions, open files by handle."},
		{3, "fowner", "Act as owner of all files."},
		{6, "setgid", "Change group IDs."},
		{7, "setuid", "Change user IDs."},
		{9, "linux_immutable", "Change immutable and append-only attributes."},
		{12, "net_admin", "Configure the network."},
		{13, "net_raw", "Raw and packet sockets."},
		{16, "sys_module", "Load kernel modules."},
		{17, "sys_rawio", "I/O ports, /dev/mem and raw device commands."},
		{18, "sys_chroot", "Change the root directory and the mount namespace."},
		{19, "sys_ptrace", "Trace and read any process."},
		{21, "sys_admin", "Mount, namespaces and much else."},
		{22, "sys_boot", "Reboot and load kernels."},
		{25, "sys_time", "Set the clock."},
		{27, "mknod", "Make device nodes."},
		{30, "audit_control", "Configure the audit system."},
		{31, "setfcap", "Give capabilities to files."},
		{32, "mac_override", "Ignore mandatory access control."},
		{33, "mac_admin", "Configure mandatory access control."},
		{34, "syslog", "Read kernel messages and addresses."},
		{38, "perfmon", "Observe performance of the whole system."},
		{39, "bpf", "Load BPF programs."},
	}
}

func containerCatalogue() []Description {
	var caps []Value
	for _, one := range capabilities() {
		caps = append(caps, Value{one.name, one.text})
	}
	return []Description{
		{Property, ScopeContainer, "nodesec.posture", "nodesec.posture.property", true, "1",
			"What weakens the isolation of the container, from its main process.", properties()},
		{Capability, ScopeContainer, "nodesec.posture.capability", "nodesec.posture.capability.name", true, "1",
			"Dangerous capabilities in the effective set of the main process.", caps},
		{Capabilities, ScopeContainer, "nodesec.posture.capabilities", "", false, "{capability}",
			"Capabilities in the effective set of the main process.", nil},
	}
}
