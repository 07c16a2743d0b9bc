// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// circumstances are what decides whether the kernel takes BPF programs.
type circumstances struct {
	check.Host
	capabilities check.Set
}

const lockdownConfidentiality = "confidentiality"

// readCircumstances reads them on the node whose root file system is at root.
func readCircumstances(root string) circumstances {
	c := circumstances{Host: check.Host{User: os.Geteuid(), Root: root, UnprivilegedBPF: -1}}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		c.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if h, err := cgroup.Detect(root); err == nil {
		c.Cgroups = "v2"
		if h.Controller() != "" {
			c.Cgroups = fmt.Sprintf("v1 (%s)", h.Controller())
		}
	}
	_, err := os.Stat("/sys/kernel/btf/vmlinux") // where the loader looks
	c.BTF = err == nil
	// As in "none [integrity] confidentiality".
	if _, mode, ok := strings.Cut(firstLine(root, "sys/kernel/security/lockdown"), "["); ok {
		c.Lockdown, _, _ = strings.Cut(mode, "]")
	}
	if n, err := strconv.Atoi(firstLine(root, "proc/sys/kernel/unprivileged_bpf_disabled")); err == nil {
		c.UnprivilegedBPF = n
	}
	c.capabilities = check.Effective()
	return c
}

func firstLine(root, file string) string {
	text, _ := os.ReadFile(filepath.Join(root, file))
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// olderThan compares the kernel's release.
func (c *circumstances) olderThan(major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(c.Kernel, "%d.%d", &a, &b); n != 2 {
		return false
	}
	return a < major || a == major && b < minor
}

const (
	// neededKernel has bpf_get_current_task_btf and task storage for tracing. It also charges BPF memory to the cgroup,
	// so that RLIMIT_MEMLOCK never is what is in the way.
	neededKernel  = "Linux 5.11 or newer"
	helpPrivilege = "run as root, or give the process CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN includes both)"
	helpKernel    = neededKernel + " with CONFIG_DEBUG_INFO_BTF=y (/sys/kernel/btf/vmlinux)"
)

// diagnose says in short why BPF programs do not run, and what would help. The errors of the kernel say neither.
func (c *circumstances) diagnose(err error) check.Reason {
	r := check.Reason{Detail: fmt.Sprintf("%+v", err)}
	denied := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
	mayLoad := c.capabilities.Has(check.CapBPF) && c.capabilities.Has(check.CapPerfmon)
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, errNoCgroups):
		r.Why, r.Help = "there are no cgroups to count by", "mount the cgroup file system at /sys/fs/cgroup below root_path"
	case c.olderThan(5, 11):
		r.Why, r.Help = "the kernel is too old", helpKernel
	case !c.BTF && !denied && !errors.As(err, &verifier):
		r.Why, r.Help = "the kernel does not describe its types (BTF)", helpKernel
	case !mayLoad: // some attempts then fail as not supported, instead of denied
		r.Why, r.Help = "may not load BPF programs: "+c.capabilities.Lacks(check.CapBPF, check.CapPerfmon), helpPrivilege
	case c.Lockdown == lockdownConfidentiality:
		r.Why = "lockdown forbids programs to read kernel memory"
		r.Help = "boot with lockdown=integrity, or without lockdown"
	case denied:
		r.Why = "the kernel denies bpf(2) to this process"
		r.Help = "look for a seccomp profile or a security module that forbids bpf(2)"
	case errors.As(err, &verifier):
		r.Why, r.Help = "the kernel's verifier rejects the program", "report it with the output of nodesecctl check --verbose"
	case isNotThere(err):
		r.Why, r.Help = "not in this kernel", "a kernel that has the tracepoint"
	default:
		r.Why, r.Help = lastWords(err), helpKernel
	}
	return r
}

func isNotThere(err error) bool {
	return errors.Is(err, btf.ErrNotFound) || errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, fs.ErrNotExist)
}

// lastWords is the end of an error, which tells most.
func lastWords(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// diagnoseGroup says what keeps the features of a group away, given what became of the programs; none if it is complete.
// Programs that fail for one reason are one, and are not named if they are all.
func (c *circumstances) diagnoseGroup(group probe.Group, statuses []probe.Status) (reasons []check.Reason) {
	handled := hasHandler(group, statuses)
	var programs [][]string // of each reason
	all := true
	for i, status := range statuses {
		ours := status.Group == group || i == 0 && handled
		if status.Err == nil || !ours {
			all = all && !ours
			continue
		}
		r := c.diagnose(status.Err)
		if help := newerKernel(status.Program); help != "" && isNotThere(status.Err) {
			r.Help = help
		}
		same := slices.IndexFunc(reasons, func(known check.Reason) bool { return known.Why == r.Why && known.Help == r.Help })
		if same < 0 {
			same = len(reasons)
			reasons, programs = append(reasons, r), append(programs, nil)
		}
		if !slices.Contains(programs[same], status.Program) {
			programs[same] = append(programs[same], status.Program)
		}
	}
	if all && len(reasons) == 1 {
		return reasons
	}
	for i := range reasons {
		reasons[i].Why = strings.Join(programs[i], ", ") + ": " + reasons[i].Why
	}
	return reasons
}

// hasHandler says that a group has a program that the first of all, on_sys_exit, calls.
func hasHandler(group probe.Group, statuses []probe.Status) bool {
	return slices.ContainsFunc(statuses, func(s probe.Status) bool {
		return s.Group == group && strings.HasPrefix(s.Program, "do_")
	})
}

// newerKernel says which kernels have a program's tracepoint, for those that not all kernels have.
func newerKernel(program string) string {
	switch program {
	case "on_send", "on_receive":
		return "Linux 6.3 or newer (tracepoints sock_send_length, sock_recv_length)"
	case "on_module_load":
		return "nothing to do: a kernel without modules (CONFIG_MODULES) has nothing to tell here"
	}
	return ""
}
