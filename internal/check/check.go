// SPDX-License-Identifier: Apache-2.0

// Package check says what a host can be measured by: which groups of features it gives, and what keeps others away.
package check

import (
	"cmp"
	"slices"
)

// State is how much of a group can be had.
type State string

// The states.
const (
	OK       State = "ok"
	Degraded State = "degraded"
	Missing  State = "missing"
)

// Report is what was found.
type Report struct {
	Host Host `json:"host"`
	// Groups are the groups of features.
	Groups []Group `json:"groups"`
	// Capabilities are those of this process that decide what it may read and load.
	Capabilities []Capability `json:"capabilities"`
	// Mounts are the file systems and namespaces that are needed.
	Mounts []Mount `json:"mounts"`
}

// Host is what decides from outside of the process what can be had.
type Host struct {
	// Kernel is its release.
	Kernel string `json:"kernel"`
	// User is the effective user ID of this process.
	User int    `json:"user"`
	Root string `json:"root_path"`
	// Cgroups is the version and, for version 1, the controller by whose hierarchy containers are told apart: "v2",
	// "v1 (memory)". Empty without cgroups.
	Cgroups string `json:"cgroups"`
	// BTF says that the kernel describes its types.
	BTF bool `json:"btf"`
	// Lockdown is the kernel's lockdown mode; empty if it has none.
	Lockdown string `json:"lockdown"`
	// UnprivilegedBPF is the sysctl kernel.unprivileged_bpf_disabled; -1 if it can not be read. Programs that trace need
	// privileges whatever it says.
	UnprivilegedBPF int `json:"unprivileged_bpf_disabled"`
}

// Group is a set of features that have a source in common.
type Group struct {
	// Name is the receiver's part and the group: resource.node, security.execution, posture.node, events.
	Name   string `json:"name"`
	Source string `json:"source"`
	State  State  `json:"state"`
	// Features is how many features, or kinds of events, this host gives; Of is how many there are, 0 if that depends on
	// the host.
	Features int `json:"features"`
	Of       int `json:"of,omitempty"`
	// Reasons say why the group is not OK.
	Reasons []Reason `json:"reasons"`
}

// Reason says what keeps features away.
type Reason struct {
	// Why is short.
	Why string `json:"why"`
	// Help is what would help; empty if nothing does.
	Help string `json:"help,omitempty"`
	// Detail is the whole error, which may have many lines.
	Detail string `json:"detail,omitempty"`
}

// Capability is a privilege of this process.
type Capability struct {
	Name string `json:"name"`
	// Effective says that the process has it, or one that includes it; Needed that something is lost without it on this
	// kernel.
	Effective bool `json:"effective"`
	Needed    bool `json:"needed"`
	// Without is what is lost without it.
	Without string `json:"without"`
}

// Mount is a file system, or a namespace, that is needed.
type Mount struct {
	Path  string `json:"path"`
	State State  `json:"state"`
	// For is what it is needed for, Why what is wrong with it.
	For string `json:"for"`
	Why string `json:"why,omitempty"`
}

// Judge sets the state by what the host gives and whether there are reasons to want more.
func (g *Group) Judge(any bool) {
	if g.Reasons == nil {
		g.Reasons = []Reason{} // in JSON, a list all the same
	}
	switch {
	case !any:
		g.State = Missing
	case len(g.Reasons) > 0:
		g.State = Degraded
	default:
		g.State = OK
	}
}

// Anything says that the host gives something.
func (r *Report) Anything() bool {
	return slices.ContainsFunc(r.Groups, func(g Group) bool { return g.State != Missing })
}

// DropDetails removes the long errors.
func (r *Report) DropDetails() {
	for i := range r.Groups {
		for j := range r.Groups[i].Reasons {
			r.Groups[i].Reasons[j].Detail = ""
		}
	}
}

// Join returns a report with the groups of both. What else is in them is that of the first that knows.
func (r *Report) Join(other *Report) Report {
	joined := *r
	joined.Host = cmp.Or(r.Host, other.Host)
	joined.Groups = slices.Concat(r.Groups, other.Groups)
	joined.Capabilities = slices.Concat(r.Capabilities, other.Capabilities)
	joined.Mounts = slices.Concat(r.Mounts, other.Mounts)
	return joined
}
