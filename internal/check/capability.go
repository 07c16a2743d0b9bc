// SPDX-License-Identifier: Apache-2.0

package check

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The capabilities that matter here, by their numbers in include/uapi/linux/capability.h.
const (
	CapDACReadSearch = unix.CAP_DAC_READ_SEARCH
	CapSysPtrace     = unix.CAP_SYS_PTRACE
	CapSysAdmin      = unix.CAP_SYS_ADMIN
	CapSysResource   = unix.CAP_SYS_RESOURCE
	CapPerfmon       = unix.CAP_PERFMON
	CapBPF           = unix.CAP_BPF
)

// HelpReadAll helps against what may not be read of other users.
const HelpReadAll = "run as root, or give the process CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"

// Set is a set of capabilities, a bit each.
type Set uint64

// Effective is the effective set of this process; empty if that can not be told.
func Effective() Set {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return 0
	}
	return Set(data[1].Effective)<<32 | Set(data[0].Effective)
}

// Has says that the capability is in the set, or one that includes it: CAP_SYS_ADMIN includes what was taken out of it in
// Linux 5.8 (bpf_capable and perfmon_capable, include/linux/capability.h).
func (s Set) Has(capability uint) bool {
	return s&(1<<capability) != 0 ||
		(capability == CapBPF || capability == CapPerfmon) && s&(1<<CapSysAdmin) != 0
}

// Lacks says which of the capabilities are not in the set, as "no CAP_SYS_PTRACE, no CAP_DAC_READ_SEARCH"; empty if none.
func (s Set) Lacks(capabilities ...uint) string {
	var lacking []string
	for _, capability := range capabilities {
		if !s.Has(capability) {
			lacking = append(lacking, "no "+name(capability))
		}
	}
	return strings.Join(lacking, ", ")
}

func name(capability uint) string {
	switch capability {
	case CapDACReadSearch:
		return "CAP_DAC_READ_SEARCH"
	case CapSysPtrace:
		return "CAP_SYS_PTRACE"
	case CapSysAdmin:
		return "CAP_SYS_ADMIN"
	case CapSysResource:
		return "CAP_SYS_RESOURCE"
	case CapPerfmon:
		return "CAP_PERFMON"
	case CapBPF:
		return "CAP_BPF"
	}
	return "capability " + strconv.FormatUint(uint64(capability), 10)
}
