// SPDX-License-Identifier: Apache-2.0

package posture

// Metric is what a fact is about.
type Metric uint8

// The metrics.
const (
	Property Metric = iota
	Capability
	Capabilities
	Sysctl
	Lockdown
	SecureBoot
	LSM
	Taint
	TaintFlag
	CPUVulnerabilities
	ListeningPorts
	KubeletPort
	Inventory
	Changed
)

// Scope is the kind of entity that a metric is about.
type Scope string

// The scopes.
const (
	ScopeContainer Scope = "container"
	ScopeNode      Scope = "node"
)

// Description describes a metric.
type Description struct {
	Metric Metric
	Scope  Scope
	// Name is the metric's, Attribute the key of its only attribute, empty if it has none.
	Name, Attribute string
	// Flag says that all values are 0 or 1.
	Flag bool
	// Unit is in the notation of UCUM, 1 for flags and bare numbers.
	Unit string
	Text string
	// Values are those of the attribute, in order.
	Values []Value
}

// Value describes a value of a metric's attribute.
type Value struct{ Name, Text string }

// Catalogue describes all metrics, in the order of their numbers.
func Catalogue() []Description {
	return append(containerCatalogue(), nodeCatalogue()...)
}
