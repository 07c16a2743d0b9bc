// SPDX-License-Identifier: Apache-2.0

package posture

import "bytes"

// pathKind says what it means that a container sees a path of the node, from harmless to dangerous.
type pathKind uint8

const (
	// ownFiles are not the node's.
	ownFiles pathKind = iota
	// hostPath is any other path of the node.
	hostPath
	// runtimePath is what kubelet and container runtimes make for each container: its root file system, volumes,
	// /etc/hosts, and what everybody may see. It outranks hostPath: of two names for the same place the runtime's is
	// the one that explains it.
	runtimePath
	// sensitivePath lets who sees it take over the node, or learn its secrets.
	sensitivePath
)

func classifyPath(path []byte) pathKind {
	switch {
	case isRuntimePath(path):
		return runtimePath
	case isSensitivePath(path):
		return sensitivePath
	}
	return hostPath
}

// isRuntimePath knows the state directories of the runtimes by parts of their paths, because each of them can be moved
// (k3s has /var/lib/rancher/k3s/agent/containerd), and demands as many names after it as lead to what belongs to one
// container, so that whoever mounts all of /var/lib/docker/containers is not taken for one.
func isRuntimePath(path []byte) bool {
	for _, marker := range [...]struct {
		part  string
		names int
	}{
		{"/kubelet/pods/", 2}, // pods/UID/volumes, etc-hosts, containers
		{"/kubelet/plugins/", 2},
		{"/io.containerd.", 3}, // io.containerd.grpc.v1.cri/sandboxes/ID, ...runtime.v2.task/NAMESPACE/ID
		{"/docker/containers/", 2},
		{"/docker/overlay2/", 2},
		{"/docker/volumes/", 2},
		{"/docker/btrfs/", 2},
		{"/docker/zfs/", 2},
		{"/docker/vfs/", 2},
		{"/docker/fuse-overlayfs/", 2},
		{"/containers/storage/", 3}, // CRI-O and podman
		{"/var/lib/lxc/", 2},
		{"/lxd/storage-pools/", 3},
		{"/incus/storage-pools/", 3},
		{"/var/lib/lxcfs/", 2},
		{"/var/lib/machines/", 1},
	} {
		_, rest, found := bytes.Cut(path, []byte(marker.part))
		if found && len(rest) > 0 && bytes.Count(bytes.Trim(rest, "/"), []byte("/"))+1 >= marker.names {
			return true
		}
	}
	switch string(path) {
	// A runtime without the right to make device nodes, as in a user namespace, mounts those of the node instead
	// (opencontainers/runc libcontainer/rootfs_linux.go, bindMountDeviceNode).
	case "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty":
		return true
	}
	return false
}

// isSensitivePath reports whether a path is one of the sensitive directories, below one, or above one.
func isSensitivePath(path []byte) bool {
	if rest, ok := bytes.CutPrefix(path, []byte("/var/run")); ok && (len(rest) == 0 || rest[0] == '/') {
		path = path[len("/var"):]
	}
	for _, harmless := range [...]string{
		"/etc/localtime", "/etc/timezone", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki/ca-trust",
		"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/machine-id", "/etc/os-release",
		"/usr/share", "/usr/local/share", "/usr/lib/os-release", "/usr/lib/modules", "/lib/modules", "/usr/src",
		"/dev/shm", "/dev/mqueue", "/dev/pts",
	} {
		if below(path, harmless) {
			return false
		}
	}
	for _, dir := range [...]string{
		"/etc", "/root", "/proc", "/sys", "/boot", "/home", "/dev", "/usr", "/bin", "/sbin", "/lib", "/lib64",
		"/var/lib/kubelet", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/rancher",
		"/var/lib/etcd", "/var/spool/cron",
		"/run/containerd", "/run/docker", "/run/docker.sock", "/run/crio", "/run/podman", "/run/k3s", "/run/systemd",
		"/run/dbus",
	} {
		if below(path, dir) || string(path) == "/" || len(dir) > len(path) && dir[len(path)] == '/' && dir[:len(path)] == string(path) {
			return true
		}
	}
	return false
}

// isRuntimeSocket reports whether a path is the socket of a container runtime, or a directory that holds one. Who can
// talk to it can start a privileged container. The root of the node is not listed: its /run is a mount of its own.
func isRuntimeSocket(path []byte) bool {
	if rest, ok := bytes.CutPrefix(path, []byte("/var/run")); ok && (len(rest) == 0 || rest[0] == '/') {
		path = path[len("/var"):]
	}
	switch string(path) {
	case "/run", "/run/containerd", "/run/docker", "/run/crio", "/run/podman", "/run/k3s", "/run/k3s/containerd":
		return true
	}
	switch string(path[bytes.LastIndexByte(path, '/')+1:]) {
	case "docker.sock", "containerd.sock", "crio.sock", "podman.sock", "cri-dockerd.sock", "dockershim.sock",
		"buildkitd.sock":
		return true
	}
	return false
}
