// SPDX-License-Identifier: Apache-2.0

package probe

import "slices"

// Group is a set of features that come and go together, because the same programs count them.
type Group uint8

// The groups. Their order is that of the bits of quality_missing, and never changes.
const (
	GroupSyscalls Group = iota
	GroupExecution
	GroupProcesses
	GroupSignals
	GroupPrivileges
	GroupFiles
	GroupCalls
	GroupConnections
	GroupDatagrams
	GroupTraffic
	GroupRetransmits
	GroupSockets
	GroupCgroups
	GroupModules
	Groups
)

var groupNames = [Groups]string{
	"syscalls", "execution", "processes", "signals", "privileges", "files", "calls", "connections", "datagrams", "traffic",
	"retransmits", "sockets", "cgroups", "modules",
}

// String returns the name of the group in lower case.
func (g Group) String() string { return groupNames[g] }

// program is one BPF program.
type program struct {
	name  string
	group Group
	// action is the system call's action that on_sys_exit hands to the program; zero for those that attach themselves.
	action bpfAction
}

// programs are all programs. A handler needs on_sys_exit, which comes first.
func programs() []program {
	return []program{
		{"on_sys_exit", GroupSyscalls, 0},
		{"on_exec", GroupExecution, 0},
		{"do_exec", GroupExecution, bpfActionACTION_EXEC},
		{"on_fork", GroupProcesses, 0},
		{"on_exit", GroupProcesses, 0},
		{"on_signal", GroupSignals, 0},
		{"on_exec_creds", GroupPrivileges, 0},
		{"do_cred", GroupPrivileges, bpfActionACTION_CRED},
		{"do_open", GroupFiles, bpfActionACTION_OPEN},
		{"do_remove", GroupFiles, bpfActionACTION_REMOVE},
		{"do_rename", GroupFiles, bpfActionACTION_RENAME},
		{"do_link", GroupFiles, bpfActionACTION_LINK},
		{"do_chmod", GroupFiles, bpfActionACTION_CHMOD},
		{"do_chown", GroupFiles, bpfActionACTION_CHOWN},
		{"do_truncate", GroupFiles, bpfActionACTION_TRUNCATE},
		{"do_mkdir", GroupFiles, bpfActionACTION_MKDIR},
		{"do_ptrace", GroupCalls, bpfActionACTION_PTRACE},
		{"do_clone", GroupCalls, bpfActionACTION_CLONE},
		{"do_clone3", GroupCalls, bpfActionACTION_CLONE3},
		{"do_clone", GroupCalls, bpfActionACTION_UNSHARE},
		{"do_bpf", GroupCalls, bpfActionACTION_BPF},
		{"do_module", GroupCalls, bpfActionACTION_MODULE},
		{"do_unmodule", GroupCalls, bpfActionACTION_UNMODULE},
		{"on_sock_state", GroupConnections, 0},
		{"on_sock_destroy", GroupConnections, 0},
		{"do_connect", GroupConnections, bpfActionACTION_CONNECT},
		{"do_accept", GroupConnections, bpfActionACTION_ACCEPT},
		{"do_sendto", GroupDatagrams, bpfActionACTION_SENDTO},
		{"do_sendmsg", GroupDatagrams, bpfActionACTION_SENDMSG},
		{"do_sendmmsg", GroupDatagrams, bpfActionACTION_SENDMMSG},
		{"on_send", GroupTraffic, 0},
		{"on_receive", GroupTraffic, 0},
		{"on_retransmit", GroupRetransmits, 0},
		{"on_reset_sent", GroupRetransmits, 0},
		{"on_reset_got", GroupRetransmits, 0},
		{"do_socket", GroupSockets, bpfActionACTION_SOCKET},
		{"do_dup", GroupSockets, bpfActionACTION_DUP},
		{"on_cgroup_mkdir", GroupCgroups, 0},
		{"on_cgroup_rmdir", GroupCgroups, 0},
		{"on_module_load", GroupModules, 0},
	}
}

// Programs are the names of the programs that count a group's features, each once.
func Programs(group Group) (names []string) {
	for _, p := range programs() {
		if p.group == group && !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}
