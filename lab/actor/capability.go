// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"fmt"

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

// dropCapabilities leaves the usual ones to the calling thread and to all that it starts.
func dropCapabilities() error {
	set := usualCapabilities()
	for c := 0; c <= unix.CAP_LAST_CAP; c++ {
		if set&(1<<c) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		if err != nil && !errors.Is(err, unix.EINVAL) { // the kernel may know fewer
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
	if err := unix.Capset(header, &has[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}
