// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"time"

	"github.com/nodesec/nodesec/lab/action"
)

// act is what is done, and the rules that are to tag the actor that does it.
type act struct {
	action  string
	values  action.Values
	rules   []string
	process []string      // rules that tag one of its processes
	service bool          // it is done in a service of the host, not in a container
	after   time.Duration // how long the rules' conditions must have been true: their "for"
	age     time.Duration // how old the container must be; else just settled
}

func acts() []act {
	const below, to, target, name = "below", "to", "target", "name"
	type v = action.Values
	tool := func(tool, server string, rules ...string) act {
		return act{action: "tool", values: v{name: tool, below: server, "count": "4"}, rules: rules}
	}
	simple := func(action string, rules ...string) act { return act{action: action, rules: rules} }
	with := func(action, parameter, value string, rules ...string) act {
		return act{action: action, values: v{parameter: value}, rules: rules}
	}
	return []act{
		// What lasts comes first.
		{action: "short_lived_processes", rules: []string{"short_lived_process_storm"}, after: time.Minute},
		{action: "encrypt_files", rules: []string{"ransomware_in_place"}, after: 10 * time.Second},
		{action: "encrypt_files", values: v{"style": "copy"}, rules: []string{"ransomware_by_copy"}, after: 10 * time.Second},
		{action: "shell", values: v{below: "postgres"}, rules: []string{"shell_from_database"}, age: time.Minute},

		with("shell", below, "nginx", "shell_from_web_server"),
		with("shell", below, "sshd", "shell_from_server"),
		tool("xmrig", "none", "miner_executed"),
		tool("kubectl", "none", "cluster_client_in_container"),
		tool("kubectl", "nginx", "cluster_client_hands_on"),
		tool("gcc", "none", "compiler_in_container"),
		tool("gcc", "nginx", "compiler_hands_on"),
		tool("shred", "none", "destruction_tool_in_container"),
		tool("shred", "postgres", "destruction_tool_hands_on"),
		tool("nc", "none", "network_tool_in_container"),
		tool("nc", "nginx", "network_tool_hands_on", "server_shell_fetches_tools"),
		tool("scp", "none", "remote_copy_in_container"),
		tool("scp", "nginx", "remote_copy_hands_on"),
		tool("mimipenguin", "none", "credential_search_tool"),
		tool("apt-get", "none", "package_manager_in_container"),
		tool("useradd", "none", "user_management_in_container"),
		tool("nsenter", "none", "namespace_tool_in_container"),
		tool("curl", "none", "download_tool_in_container"),
		tool("whoami", "nginx", "web_shell_reconnaissance", "reconnaissance_hands_on"),
		simple("fetch_and_run", "downloaded_and_run", "made_executable_after_download", "dropped_file_executed"),
		simple("decode_and_run", "decoded_and_run"),
		simple("memfd_exec", "memory_file_executed"),
		{action: "exec_dropped", values: v{"folder": "/dev/shm", "seconds": "3"},
			rules: []string{"program_in_memory_file_system_executed"}, process: []string{"process_in_shared_memory"}},
		{action: "exec_dropped", values: v{"unlink": "yes", "seconds": "3"}, rules: []string{"deleted_file_executed"},
			process: []string{"process_of_deleted_file"}},
		{action: "command_line", values: v{"kind": "reverse_shell"}, process: []string{"reverse_shell_command_line"}},
		{action: "command_line", values: v{"kind": "encoded_script"}, process: []string{"encoded_script_command_line"}},
		{action: "command_line", values: v{"kind": "miner"}, process: []string{"miner_command_line"}},
		{action: "command_line", values: v{"kind": "kernel_thread"}, process: []string{"kernel_thread_impostor"}},
		simple("terminal", "terminal_shell_in_container"),
		with("terminal", below, "nginx", "terminal_from_web_server"),
		with("terminal", below, "sshd", "terminal_behind_server_in_container"),
		simple("entered_shell", "shell_entered_container"),
		simple("guess_passwords", "password_guessing"),

		with("write", target, "cron", "persistence_written_in_container"),
		with("write", target, "profile", "startup_file_of_shell_written"),
		with("write", target, "authorized_keys", "ssh_directory_written"),
		with("write", target, "shadow", "account_database_written"),
		with("write", target, "program", "program_directory_written"),
		with("write", target, "packages", "package_database_written_by_hand"),
		with("write", target, "etc", "configuration_written_in_container"),
		with("write", target, "release_agent", "escape_file_written"),
		{action: "write", values: v{target: "systemd"}, rules: []string{"persistence_written_by_service"}, service: true},

		with("read", target, "shadow", "credentials_read_in_container"),
		{action: "read", rules: []string{"credentials_read_by_service"}, service: true},
		with("read", target, "ssh", "ssh_directory_read"),
		with("read", target, "history", "history_read_without_session"),
		with("read", target, "cloud", "cloud_credentials_read"),
		with("read", target, "kubernetes", "cluster_credentials_read"),
		{action: "read", values: v{target: "token", below: "nginx"}, rules: []string{"tokens_read_hands_on"}},
		simple("search_keys", "private_key_search"),
		with("read_processes", "what", "environ", "environments_of_others_read"),
		with("read_processes", "what", "mem", "memory_file_of_process_opened", "memory_maps_of_others_read"),
		simple("read_by_parent_path", "sensitive_file_by_parent_path"),
		simple("link_secret", "link_to_sensitive_file"),
		simple("open_by_handle", "file_opened_by_handle"),
		with("set_bit", "bit", "setuid", "setuid_bit_set"),
		with("set_bit", "bit", "setgid", "setgid_bit_set"),
		simple("clear_history", "history_tampered_in_container"),
		simple("remove_logs", "many_logs_removed"),
		with("remove_logs", below, "nginx", "logs_removed_hands_on"),
		with("hide_files", below, "nginx", "hidden_files_hands_on"),
		with("delete_files", below, "nginx", "mass_deletion_hands_on"),
		simple("read_kernel_log", "kernel_log_read_in_container"),

		simple("ptrace", "process_traced"),
		simple("ptrace_self", "debugger_check"),
		simple("read_memory", "memory_of_process_read"),
		simple("write_memory", "memory_of_process_written"),
		simple("steal_descriptor", "descriptor_stolen"),
		simple("user_namespace", "user_namespace_in_container"),
		simple("user_namespace_mount", "capabilities_by_user_namespace"),
		simple("unshare", "unshare_in_container"),
		simple("setns", "namespace_entered_from_container"),
		simple("mount", "mount_in_container", "privileged_container"),
		simple("pivot_root", "root_changed_in_container"),
		simple("load_bpf", "bpf_program_from_container"),
		simple("perf_event", "performance_events_in_container"),
		simple("load_module", "kernel_module_from_container"),
		simple("userfaultfd", "userfaultfd_in_container"),
		simple("io_uring", "ring_instead_of_calls"),
		simple("keyctl", "kernel_keys_in_container"),
		simple("write_and_execute", "unpacked_in_memory"),
		simple("swap", "swap_from_container"),
		simple("reboot", "reboot_from_container"),
		simple("kexec", "kernel_replaced"),
		simple("quota", "quota_call_in_container"),
		simple("no_arguments", "executed_without_arguments"),
		simple("gain_root", "root_gained_in_container", "setuid_program_in_container"),

		with("connect", to, "metadata", "metadata_service_contacted"),
		{action: "connect", values: v{to: "metadata", "by": "curl"}, rules: []string{"metadata_service_by_tool"}},
		with("connect", to, "kubelet", "kubelet_contacted"),
		{action: "connect", values: v{to: "kubelet", below: "nginx"}, rules: []string{"etcd_or_kubelet_hands_on"}},
		with("connect", to, "etcd", "etcd_contacted"),
		with("connect", to, "docker", "runtime_port_contacted"),
		with("connect", to, "miner_pool", "miner_port_contacted"),
		with("connect", to, "ssh", "ssh_from_container"),
		{action: "connect", values: v{to: "ssh", below: "nginx"}, rules: []string{"ssh_hands_on"}},
		simple("runtime_socket", "runtime_socket_contacted"),
		simple("reverse_shell", "shell_on_network_socket", "stdio_turned_into_socket"),
		with("reverse_shell", "by", "bash", "shell_connects_outside"),
		simple("scan_ports", "port_scan"),
		simple("sweep", "address_sweep"),
		with("sweep", "port", "22", "ssh_sweep"),
		with("raw_socket", "kind", "packet", "packet_socket_in_container"),
		with("raw_socket", "kind", "icmp", "raw_socket_in_container"),
		simple("tool_listens", "network_tool_listens"),
		simple("dns_tunnel", "dns_tunnel"),
		simple("spray_datagrams", "datagram_spray"),
		with("exfiltrate", below, "nginx", "upload_hands_on"),
		simple("miner", "miner_executed", "miner_port_contacted"),

		simple("fork_bomb", "fork_bomb"),
		simple("reach_process_limit", "process_limit_reached"),
		simple("use_up_memory", "out_of_memory_kill"),
		with("use_up_memory", "count", "3", "out_of_memory_storm"),
		simple("crash", "crash_loop_by_memory_error"),
		with("crash", "by", "ABRT", "crash_loop_by_abort"),
	}
}
