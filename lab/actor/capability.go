// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// usualCapabilities are those that Docker and containerd give to a container (moby oci/caps/defaults.go).
func usualCapabilities() (set uint64) {
	for _, c := range []int{unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FSETID, unix.CAP_FOWNER, unix.CAP_MKNOD,
		unix.CAP_NET_RAW, unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE,
		unix.CAP_SYS_CHROOT, unix.CAP_KILL, unix.CAP_AUDIT_WRITE} {
		set |= 1 << c
	}
	return set
}

// systemCall is syscall.AllThreadsSyscall, or syscall.RawSyscall for the calling thread alone.
type systemCall func(trap, a1, a2, a3 uintptr) (r1, r2 uintptr, err syscall.Errno)

// dropCapabilities leaves the usual ones to the threads that the call is for, and to all that they start.
func dropCapabilities(call systemCall) error {
	set := usualCapabilities()
	for c := 0; c <= unix.CAP_LAST_CAP; c++ {
		if set&(1<<c) != 0 {
			continue
		}
		_, _, err := call(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(c), 0)
		if err != 0 && !errors.Is(err, unix.EINVAL) { // the kernel may know fewer
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has [2]unix.CapUserData
	if err := unix.Capget(header, &has[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	for i := range has {
		part := uint32(set >> (32 * i))
		has[i] = unix.CapUserData{Effective: has[i].Effective & part, Permitted: has[i].Permitted & part}
	}
	_, _, err := call(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(&has[0])), 0)
	if err != 0 {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}
