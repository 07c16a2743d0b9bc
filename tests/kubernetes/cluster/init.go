// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockFD is the descriptor that holds the lock of the node as long as PID 1 lives.
const lockFD = 3

// tunables are settings of the kernel that the kubelet would change for the whole machine.
func tunables() map[string]string {
	return map[string]string{"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}
}

// init is PID 1 of the node: it makes the mounts and the network, and buries orphans until the child has ended.
func (n *node) init() (int, error) {
	unix.CloseOnExec(lockFD)
	if err := n.mount(); err != nil {
		return 0, err
	}
	if err := errors.Join(unix.Sethostname([]byte(NodeName)), setUpLoopback(NodeIP, ServiceIP, DNSIP)); err != nil {
		return 0, err
	}
	// Only the network namespace's own.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return 0, err
	}
	cmd, err := n.command(stageRun)
	if err != nil {
		return 0, err
	}
	cmd.Stdin = os.Stdin
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if pid == cmd.Process.Pid && (status.Exited() || status.Signaled()) {
			if status.Signaled() {
				return 128 + int(status.Signal()), nil
			}
			return status.ExitStatus(), nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, fmt.Errorf("wait for children: %w", err)
		}
	}
}

// mount gives the node its own /proc, /run and /var/lib, and files in place of what would change the machine.
func (n *node) mount() error {
	do := func(source, target, kind string, flags uintptr) error {
		if err := unix.Mount(source, target, kind, flags, ""); err != nil {
			return fmt.Errorf("mount %s at %s: %w", source, target, err)
		}
		return nil
	}
	if err := do("", "/", "", unix.MS_REC|unix.MS_PRIVATE); err != nil {
		return err
	}
	if err := errors.Join(do("proc", "/proc", "proc", 0), do("tmpfs", "/run", "tmpfs", 0)); err != nil {
		return err
	}
	for name, folders := range map[string][]string{"/var/lib": {"kubelet", "containerd", "cni"}, "/var/log": {"pods"}} {
		own := n.path(filepath.Base(name))
		for _, folder := range folders {
			if err := os.MkdirAll(filepath.Join(own, folder), 0o755); err != nil {
				return err
			}
		}
		if err := do(own, name, "", unix.MS_BIND); err != nil {
			return err
		}
	}
	for name, value := range tunables() {
		file := n.path(filepath.Base(name))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := do(file, "/proc/sys/"+name, "", unix.MS_BIND); err != nil {
			return err
		}
	}
	// As systemd leaves it: what is mounted later is seen in containers with mount propagation.
	return do("", "/", "", unix.MS_REC|unix.MS_SHARED)
}

// setUpLoopback brings the interface up and gives it more addresses, as aliases.
func setUpLoopback(addresses ...string) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(socket) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("set up lo: %w", err)
	}
	for i, address := range addresses {
		if err := addAddress(socket, fmt.Sprintf("lo:%d", i), address); err != nil {
			return fmt.Errorf("give lo the address %s: %w", address, err)
		}
	}
	return nil
}

func addAddress(socket int, alias, address string) error {
	for _, step := range []struct {
		call    uint
		address string
	}{{unix.SIOCSIFADDR, address}, {unix.SIOCSIFNETMASK, "255.255.255.255"}} {
		ip, err := netip.ParseAddr(step.address)
		if err != nil {
			return err
		}
		request, err := unix.NewIfreq(alias)
		if err != nil {
			return err
		}
		if err := request.SetInet4Addr(ip.AsSlice()); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, step.call, request); err != nil {
			return err
		}
	}
	return nil
}
