// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"fmt"
)

// isTokenDir knows where the token of a service account is mounted. In most images /var/run is a link to /run.
func isTokenDir(point []byte) bool {
	const rest = "/secrets/kubernetes.io/serviceaccount"
	return string(point) == "/run"+rest || string(point) == "/var/run"+rest
}

// readMounts reads what of the node the container sees.
func (c *process) readMounts() {
	r := c.reader
	data, err := c.read("mountinfo", maxMountinfo)
	if err != nil {
		c.fail(err)
		return
	}
	if err := r.mounts.parse(data); err != nil {
		c.fail(fmt.Errorf("parse %s/mountinfo: %w", c.path, err))
		return
	}
	c.privileged(r.mounts.at("/sys"))
	// A root that is not a mount, as chroot(2) makes it, is not in the table.
	if rootMount := r.mounts.at("/"); rootMount != nil {
		c.flag(writableRoot, !rootMount.ReadOnly)
	}
	token, socket := false, false
	for i := range r.mounts.Mounts {
		m := &r.mounts.Mounts[i]
		token = token || isTokenDir(m.Point)
		// By its name alone, so that the node's table is not needed.
		socket = socket || isRuntimeSocket(m.Root[bytes.LastIndexByte(m.Root, '/')+1:])
	}
	c.flag(serviceAccountToken, token)
	if err := r.hostMounts.refresh(); err != nil {
		c.errs = append(c.errs, err) // even ESRCH, which is of process 1
		if socket {
			c.flag(runtimeSocket, true)
		}
		return
	}
	c.hostPaths(socket)
}

func (c *process) hostPaths(socket bool) {
	r := c.reader
	host, sensitive, writable := false, false, false
	visit := func(path []byte) { socket = socket || isRuntimeSocket(path) }
	for i := range r.mounts.Mounts {
		m := &r.mounts.Mounts[i]
		if isOwnKernelMount(m) {
			continue
		}
		kind := r.hostMounts.classify(m, &r.path, visit)
		if kind == hostPath || kind == sensitivePath {
			host = true
			writable = writable || !m.ReadOnly
		}
		sensitive = sensitive || kind == sensitivePath
	}
	c.flag(hostPathMounted, host)
	c.flag(writableHostPath, writable)
	c.flag(sensitiveHostPath, sensitive)
	c.flag(runtimeSocket, socket)
}

// isOwnKernelMount knows the mounts of kernel file systems that every container has. Of some the kernel has one for each
// namespace, so that a container in a namespace of the node mounts the very file system that the node has mounted (proc
// with its PID namespace, sysfs with its network namespace, mqueue with its IPC namespace), of others one for all
// (cgroup2). They mean nothing at their usual places, beyond what the host_ flags tell, but at others: nobody but who
// wants to look at the node mounts proc at /host/proc. /dev/shm is the node's for a container in its IPC namespace, by
// what runtimes do.
func isOwnKernelMount(m *mount) bool {
	switch string(m.FSType) {
	case "proc":
		return below(m.Point, "/proc")
	case "sysfs":
		return below(m.Point, "/sys")
	case "cgroup", "cgroup2":
		return below(m.Point, "/sys/fs/cgroup")
	case "mqueue":
		return string(m.Point) == "/dev/mqueue"
	case "devpts":
		return string(m.Point) == "/dev/pts" || string(m.Point) == "/dev/console"
	case "tmpfs":
		return string(m.Point) == "/dev/shm"
	}
	return false
}
