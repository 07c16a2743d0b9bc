// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClassifyPath(t *testing.T) {
	id := strings.Repeat("a", 64)
	for want, paths := range map[pathKind][]string{
		runtimePath: {
			"/var/lib/kubelet/pods/3f5c/volumes/kubernetes.io~empty-dir/tmp", "/var/lib/kubelet/pods/3f5c/etc-hosts",
			"/var/snap/microk8s/common/var/lib/kubelet/pods/3f5c/etc-hosts",
			"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" + id + "/resolv.conf",
			"/var/lib/containerd/io.containerd.snapshotter.v1.btrfs/active/12",
			"/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + id + "/rootfs",
			"/var/lib/rancher/k3s/agent/containerd/io.containerd.grpc.v1.cri/sandboxes/" + id + "/hostname",
			"/var/lib/docker/containers/" + id + "/hostname", "/var/lib/docker/overlay2/" + id + "/merged",
			"/var/lib/docker/volumes/data/_data", "/var/lib/containers/storage/overlay/" + id + "/merged",
			"/run/user/1000/containers/storage/overlay-containers/" + id + "/userdata/hosts",
			"/dev/null",
		},
		sensitivePath: {
			"/", "/etc", "/etc/kubernetes/pki", "/etc/shadow", "/root", "/root/.ssh", "/var", "/var/lib", "/run", "/var/run",
			"/proc", "/proc/1/root", "/sys", "/sys/kernel/debug", "/boot", "/usr", "/usr/bin", "/home", "/home/alice", "/dev",
			"/dev/sda", "/var/lib/kubelet", "/var/lib/kubelet/pods", "/var/lib/kubelet/pods/3f5c", "/var/lib/kubelet/pki",
			"/var/lib/docker", "/var/lib/docker/containers", "/var/lib/containerd", "/run/containerd",
			"/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots", "/run/containerd/containerd.sock",
			"/var/run/docker.sock", "/run/docker.sock", "/run/systemd/private", "/run/dbus/system_bus_socket",
		},
		hostPath: {
			"/var/log", "/var/log/pods", "/srv", "/data", "/etc/localtime", "/etc/ssl/certs", "/usr/share/zoneinfo",
			"/usr/lib/modules", "/run/xtables.lock", "/opt/cni/bin", "/tmp", "/etcetera", "/mnt/etc", "/rooted",
		},
	} {
		for _, path := range paths {
			assert.Equal(t, want, classifyPath([]byte(path)), path)
		}
	}
}

func TestIsRuntimeSocket(t *testing.T) {
	for _, path := range []string{
		"/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock",
		"/run/crio/crio.sock", "/run/podman/podman.sock", "/run/user/1000/podman/podman.sock", "docker.sock", "/run", "/var/run",
		"/run/containerd",
	} {
		assert.True(t, isRuntimeSocket([]byte(path)), path)
	}
	for _, path := range []string{"", "/", "/run/x.sock", "/var", "/var/running", "/srv/docker.sock.d", "/run/containerd/fifo"} {
		assert.False(t, isRuntimeSocket([]byte(path)), path)
	}
}
