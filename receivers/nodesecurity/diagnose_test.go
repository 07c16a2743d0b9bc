// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

func wrap(err error) error { return fmt.Errorf("create the BPF maps: map x: %w", err) }

func TestDiagnose(t *testing.T) {
	const all = check.Set(1<<check.CapBPF | 1<<check.CapPerfmon)
	ready := circumstances{Host: check.Host{Kernel: "6.1.0-13-amd64", BTF: true}, capabilities: all}
	with := func(change func(*circumstances)) circumstances {
		c := ready
		change(&c)
		return c
	}
	for _, tt := range []struct {
		name      string
		here      circumstances
		err       error
		why, help string
	}{
		{"no privileges", with(func(c *circumstances) { c.capabilities = 0 }), wrap(unix.EPERM),
			"may not load BPF programs: no CAP_BPF, no CAP_PERFMON", helpPrivilege},
		{"no privileges for a probe", with(func(c *circumstances) { c.capabilities = 0 }), wrap(ebpf.ErrNotSupported),
			"may not load BPF programs: no CAP_BPF, no CAP_PERFMON", helpPrivilege},
		{"one privilege", with(func(c *circumstances) { c.capabilities = 1 << check.CapBPF }), wrap(unix.EACCES),
			"may not load BPF programs: no CAP_PERFMON", helpPrivilege},
		{"privileges, and no", ready, wrap(unix.EPERM), "the kernel denies bpf(2) to this process",
			"look for a seccomp profile or a security module that forbids bpf(2)"},
		{"lockdown", with(func(c *circumstances) { c.Lockdown = lockdownConfidentiality }), wrap(unix.EPERM),
			"lockdown forbids programs to read kernel memory", "boot with lockdown=integrity, or without lockdown"},
		{"no BTF", with(func(c *circumstances) { c.BTF = false }), wrap(ebpf.ErrNotSupported),
			"the kernel does not describe its types (BTF)", helpKernel},
		{"an old kernel", with(func(c *circumstances) { c.Kernel = "5.10.0-33" }), wrap(unix.EINVAL),
			"the kernel is too old", helpKernel},
		{"a tracepoint that is not there", ready, wrap(btf.ErrNotFound), "not in this kernel", "a kernel that has the tracepoint"},
		{"the verifier", ready, wrap(&ebpf.VerifierError{Cause: unix.EINVAL, Log: []string{"R1 invalid mem access"}}),
			"the kernel's verifier rejects the program", "report it with the output of nodesecctl check --verbose"},
		{"no cgroups", ready, wrap(errNoCgroups), "there are no cgroups to count by",
			"mount the cgroup file system at /sys/fs/cgroup below root_path"},
		{"anything else", ready, wrap(errors.New("no memory\nat all")), "no memory", helpKernel},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.here.diagnose(tt.err)
			assert.Equal(t, tt.why, r.Why)
			assert.Equal(t, tt.help, r.Help)
			assert.NotEmpty(t, r.Detail)
		})
	}
}

func TestProgramsThatFailForOneReasonAreOneReason(t *testing.T) {
	here := circumstances{Host: check.Host{Kernel: "6.1.0", BTF: true}, capabilities: ^check.Set(0)}
	statuses := []probe.Status{
		{Program: "on_sys_exit", Group: probe.GroupSyscalls},
		{Program: "on_send", Group: probe.GroupTraffic, Err: wrap(btf.ErrNotFound)},
		{Program: "on_receive", Group: probe.GroupTraffic, Err: wrap(btf.ErrNotFound)},
		{Program: "do_open", Group: probe.GroupFiles},
	}
	reasons := here.diagnoseGroup(probe.GroupTraffic, statuses)
	require.Len(t, reasons, 1)
	assert.Equal(t, "not in this kernel", reasons[0].Why, "all of them")
	assert.Contains(t, reasons[0].Help, "Linux 6.3")
	assert.Empty(t, here.diagnoseGroup(probe.GroupFiles, statuses))

	statuses[0].Err = wrap(unix.EPERM)
	reasons = here.diagnoseGroup(probe.GroupFiles, statuses)
	require.Len(t, reasons, 1, "handlers are never called without it")
	assert.Equal(t, "on_sys_exit: the kernel denies bpf(2) to this process", reasons[0].Why)
	assert.Len(t, here.diagnoseGroup(probe.GroupTraffic, statuses), 1)

	statuses[3].Err = wrap(unix.EPERM)
	reasons = here.diagnoseGroup(probe.GroupFiles, statuses)
	require.Len(t, reasons, 1)
	assert.Equal(t, "the kernel denies bpf(2) to this process", reasons[0].Why)

	statuses[2].Err = nil
	reasons = here.diagnoseGroup(probe.GroupTraffic, statuses)
	require.Len(t, reasons, 1)
	assert.Equal(t, "on_send: not in this kernel", reasons[0].Why, "one of them")
}

func TestOlderThan(t *testing.T) {
	for release, old := range map[string]bool{
		"5.10.0-33-amd64": true, "5.11.0": false, "6.1": false, "4.18.0-553.el8": true, "weird": false,
	} {
		c := circumstances{Host: check.Host{Kernel: release}}
		assert.Equal(t, old, c.olderThan(5, 11), release)
	}
}
