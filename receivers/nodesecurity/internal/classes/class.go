// SPDX-License-Identifier: Apache-2.0

// Package classes holds what the receiver knows about names: which executables are shells, which paths are sensitive,
// which ports belong to etcd, which networks are private.
//
// The classes are fixed, for their names are parts of feature names; their members are data (defaults.yaml) that the
// configuration can replace. Compile turns members into the tables that the BPF programs look up, and the Match methods
// of Tables do in Go what those programs do.
package classes

// ExecutableClass is the bit number of a class of executables. BPF programs use the same numbers.
type ExecutableClass uint8

// The classes of executables. A new one goes to the end.
const (
	ExecutableShell ExecutableClass = iota
	ExecutableInterpreter
	ExecutableNetworkTool
	ExecutableDownloadTool
	ExecutableRemoteCopy
	ExecutablePackageManager
	ExecutableCompiler
	ExecutableReconnaissance
	ExecutableCredentialSearch
	ExecutableContainerClient
	ExecutableEncoder
	ExecutableUserManagement
	ExecutableDataDestruction
	ExecutableMiner
	ExecutableNamespaceTool
	ExecutableServer
	ExecutableWebServer
	ExecutableDatabase
	ExecutableRuntime
	ExecutableSSHClient
)

// PathClass is the bit number of a class of paths. BPF programs use the same numbers.
type PathClass uint8

// The classes of paths. A new one goes to the end.
const (
	PathCredentials PathClass = iota
	PathPrivateKey
	PathCloudCredentials
	PathKubernetesCredentials
	PathServiceAccountToken
	PathSSH
	PathHistory
	PathShellRC
	PathEtc
	PathBinary
	PathRootHome
	PathPersistence
	PathPackageDB
	PathProcSys
	PathEscape
	PathLog
	PathRuntimeSocket
	PathVolume
)

// PortClass is the bit number of a class of ports. BPF programs use the same numbers.
type PortClass uint8

// The classes of ports. A new one goes to the end.
const (
	PortKubelet PortClass = iota
	PortEtcd
	PortAPIServer
	PortRuntime
	PortMiner
	PortSSH
	PortDNS
)

// NetworkClass is the bit number of a class of networks. BPF programs use the same numbers.
type NetworkClass uint8

// The classes of networks. A new one goes to the end.
const (
	NetworkLoopback NetworkClass = iota
	NetworkPrivate
	NetworkLinkLocal
	NetworkMetadata
	NetworkMulticast
	NetworkAPIServer
)

// ExecutableClassNames returns the names of the classes of executables in the order of their bits.
func ExecutableClassNames() []string {
	return []string{ //nolint:gosec // G101: names of classes, no credentials
		ExecutableShell:            "shell",
		ExecutableInterpreter:      "interpreter",
		ExecutableNetworkTool:      "network_tool",
		ExecutableDownloadTool:     "download_tool",
		ExecutableRemoteCopy:       "remote_copy",
		ExecutablePackageManager:   "package_manager",
		ExecutableCompiler:         "compiler",
		ExecutableReconnaissance:   "reconnaissance",
		ExecutableCredentialSearch: "credential_search",
		ExecutableContainerClient:  "container_client",
		ExecutableEncoder:          "encoder",
		ExecutableUserManagement:   "user_management",
		ExecutableDataDestruction:  "data_destruction",
		ExecutableMiner:            "miner",
		ExecutableNamespaceTool:    "namespace_tool",
		ExecutableServer:           "server",
		ExecutableWebServer:        "web_server",
		ExecutableDatabase:         "database",
		ExecutableRuntime:          "runtime",
		ExecutableSSHClient:        "ssh_client",
	}
}

// PathClassNames returns the names of the classes of paths in the order of their bits.
func PathClassNames() []string {
	return []string{ //nolint:gosec // G101: names of classes, no credentials
		PathCredentials:           "credentials",
		PathPrivateKey:            "private_key",
		PathCloudCredentials:      "cloud_credentials",
		PathKubernetesCredentials: "kubernetes_credentials",
		PathServiceAccountToken:   "service_account_token",
		PathSSH:                   "ssh",
		PathHistory:               "history",
		PathShellRC:               "shell_rc",
		PathEtc:                   "etc",
		PathBinary:                "binary",
		PathRootHome:              "root_home",
		PathPersistence:           "persistence",
		PathPackageDB:             "package_db",
		PathProcSys:               "proc_sys",
		PathEscape:                "escape",
		PathLog:                   "log",
		PathRuntimeSocket:         "runtime_socket",
		PathVolume:                "volume",
	}
}

// PortClassNames returns the names of the classes of ports in the order of their bits.
func PortClassNames() []string {
	return []string{
		PortKubelet:   "kubelet",
		PortEtcd:      "etcd",
		PortAPIServer: "api_server",
		PortRuntime:   "runtime",
		PortMiner:     "miner",
		PortSSH:       "ssh",
		PortDNS:       "dns",
	}
}

// NetworkClassNames returns the names of the classes of networks in the order of their bits.
func NetworkClassNames() []string {
	return []string{
		NetworkLoopback:  "loopback",
		NetworkPrivate:   "private",
		NetworkLinkLocal: "link_local",
		NetworkMetadata:  "metadata",
		NetworkMulticast: "multicast",
		NetworkAPIServer: "api_server",
	}
}

func (c ExecutableClass) String() string { return ExecutableClassNames()[c] }

func (c PathClass) String() string { return PathClassNames()[c] }

func (c PortClass) String() string { return PortClassNames()[c] }

func (c NetworkClass) String() string { return NetworkClassNames()[c] }

// Bit is the bit of the class in the values of Tables.Executables.
func (c ExecutableClass) Bit() uint64 { return 1 << c }

// Bit is the bit of the class in the values of Tables.PathNodes, Leaves and Directories.
func (c PathClass) Bit() uint64 { return 1 << c }

// Bit is the bit of the class in the values of Tables.Ports.
func (c PortClass) Bit() uint32 { return 1 << c }

// Bit is the bit of the class in Tables.Networks.
func (c NetworkClass) Bit() uint32 { return 1 << c }
