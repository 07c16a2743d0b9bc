// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"math"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// activity is what happened in a container, or on the node, in a tick.
type activity struct {
	counters probe.Counters
	distinct probe.Distinct
}

// feature says where the values of a metric come from: one for each value of its attribute, in the order of
// metadata.yaml, or a single one.
type feature struct {
	metric string
	// group is what must be loaded for the metric to be known.
	group  probe.Group
	values func(f *features, a *activity, values []int64)
	// nodeOnly says that containers have no such metric: what happens to the kernel happens to all of them.
	nodeOnly bool
}

// groupOf is the group that one value of a metric needs, where that is not the metric's.
func groupOf(f *feature, value string) probe.Group {
	switch f.metric + " " + value {
	case "nodesec.call mmap_wx", "nodesec.call mprotect_wx", "nodesec.privilege setuid", "nodesec.privilege setgid",
		"nodesec.privilege capset":
		return probe.GroupSyscalls
	case "nodesec.privilege chmod_setuid", "nodesec.privilege chmod_setgid":
		return probe.GroupFiles
	case "nodesec.privilege kill_across":
		return probe.GroupSignals
	case "nodesec.network udp_flow", "nodesec.network dns_query":
		return probe.GroupDatagrams
	case "nodesec.network retransmit", "nodesec.network reset_sent", "nodesec.network reset_received":
		return probe.GroupRetransmits
	case "nodesec.network raw_socket", "nodesec.network packet_socket", "nodesec.network stdio_socket":
		return probe.GroupSockets
	}
	if f.metric == "nodesec.call" && len(numbersOf([]string{value})[0]) > 0 {
		return probe.GroupSyscalls
	}
	return f.group
}

// features computes the values of metrics.
type features struct {
	// family is the place of a system call's family among the values of nodesec.syscall.
	family [probe.Syscalls]uint8
	// calls are the numbers of the system calls of each value of nodesec.call and nodesec.privilege that is counted as it
	// is; empty for those that a BPF program tells apart.
	calls, privileges [][]int
}

func newFeatures(c catalogue) *features {
	return &features{
		family:     familyOfCalls(c.find("nodesec.syscall").values),
		calls:      numbersOf(c.find("nodesec.call").values),
		privileges: numbersOf(c.find("nodesec.privilege").values),
	}
}

// counts takes the counters from first on: the values of the attribute are in the order of enum count in
// internal/probe/bpf/shared.h.
func counts(first probe.Count) func(*features, *activity, []int64) {
	return func(_ *features, a *activity, values []int64) {
		for i := range values {
			values[i] = int64(a.counters.Counts[int(first)+i])
		}
	}
}

func featureList() []feature {
	return []feature{
		{metric: "nodesec.call", group: probe.GroupCalls, values: func(f *features, a *activity, values []int64) {
			counts(probe.CountPtraceAttach)(f, a, values)
			f.addCalls(a, f.calls, values)
		}},
		{metric: "nodesec.dns.io", group: probe.GroupTraffic, values: func(_ *features, a *activity, values []int64) {
			values[0] = int64(a.counters.DNSBytes)
		}},
		{metric: "nodesec.exec", group: probe.GroupExecution, values: counts(probe.CountExecRoot)},
		{metric: "nodesec.exec.count", group: probe.GroupExecution, values: counts(probe.CountExec)},
		{metric: "nodesec.exec.failed", group: probe.GroupExecution, values: counts(probe.CountExecFailed)},
		{metric: "nodesec.file", group: probe.GroupFiles, values: counts(probe.CountOpen)},
		{metric: "nodesec.file.read", group: probe.GroupFiles, values: counts(probe.CountReadClass)},
		{metric: "nodesec.file.remove", group: probe.GroupFiles, values: counts(probe.CountRemoveClass)},
		{metric: "nodesec.file.write", group: probe.GroupFiles, values: counts(probe.CountWriteClass)},
		{metric: "nodesec.kernel", group: probe.GroupCalls, values: counts(probe.CountModuleLoaded), nodeOnly: true},
		{metric: "nodesec.network", group: probe.GroupConnections, values: counts(probe.CountConnect)},
		{metric: "nodesec.privilege", group: probe.GroupPrivileges, values: func(f *features, a *activity, values []int64) {
			counts(probe.CountRootGained)(f, a, values)
			f.addCalls(a, f.privileges, values)
		}},
		{metric: "nodesec.socket.io", group: probe.GroupTraffic, values: func(_ *features, a *activity, values []int64) {
			values[0], values[1] = int64(a.counters.SentBytes), int64(a.counters.ReceivedBytes)
		}},
		{metric: "nodesec.socket.messages", group: probe.GroupTraffic, values: counts(probe.CountSentMessages)},
		{metric: "nodesec.syscall", group: probe.GroupSyscalls, values: func(f *features, a *activity, values []int64) {
			for number, n := range a.counters.Syscalls {
				values[f.family[number]] += int64(n)
			}
		}},
		{metric: "nodesec.syscall.compat", group: probe.GroupSyscalls, values: counts(probe.CountSyscallCompat)},
		{metric: "nodesec.syscall.count", group: probe.GroupSyscalls, values: func(_ *features, a *activity, values []int64) {
			for _, n := range a.counters.Syscalls {
				values[0] += int64(n)
			}
		}},
		{metric: "nodesec.syscall.denied", group: probe.GroupSyscalls, values: counts(probe.CountSyscallDenied)},
		{metric: "nodesec.syscall.errors", group: probe.GroupSyscalls, values: counts(probe.CountSyscallErrors)},
		{metric: "nodesec.task", group: probe.GroupProcesses, values: counts(probe.CountFork)},
	}
}

// addCalls replaces the values that are system calls as they are.
func (f *features) addCalls(a *activity, numbers [][]int, values []int64) {
	for i, of := range numbers {
		if len(of) == 0 {
			continue
		}
		values[i] = 0
		for _, number := range of {
			values[i] += int64(a.counters.Syscalls[number])
		}
	}
}

// distinctValues are those of nodesec.distinct, with the group that each needs.
func distinctValues(a *activity, missing uint64, record func(place int, n int64)) {
	for place, of := range []struct {
		group probe.Group
		value func() int64
	}{
		{probe.GroupExecution, func() int64 { return a.distinct.Estimate(probe.DistinctExecutables) }},
		{probe.GroupFiles, func() int64 { return a.distinct.Estimate(probe.DistinctDirectories) }},
		{probe.GroupConnections, func() int64 { return a.distinct.Estimate(probe.DistinctAddresses) }},
		{probe.GroupConnections, func() int64 { return a.distinct.Estimate(probe.DistinctPorts) }},
		{probe.GroupTraffic, func() int64 { return a.distinct.Estimate(probe.DistinctDNSLengths) }},
		{probe.GroupSyscalls, func() int64 { return distinctCalls(&a.counters) }},
	} {
		if missing&(1<<of.group) == 0 {
			record(place, of.value())
		}
	}
}

func distinctCalls(c *probe.Counters) (distinct int64) {
	for _, n := range c.Syscalls {
		if n > 0 {
			distinct++
		}
	}
	return distinct
}

// entropy is the Shannon entropy of the histogram of system calls, in bits; zero if there were none.
func entropy(c *probe.Counters) (bits float64) {
	total := 0.0
	for _, n := range c.Syscalls {
		total += float64(n)
	}
	for _, n := range c.Syscalls {
		if n > 0 {
			p := float64(n) / total
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
