// SPDX-License-Identifier: Apache-2.0

package feature

// Description describes a feature for those who look for one.
type Description struct {
	Name string
	// Scopes are the kinds of entities that have it: node, container, process.
	Scopes []string
	// Group is the set of features that it belongs to.
	Group string
	// Unit is in the notation of UCUM.
	Unit string
	// Counter says that it tells what happened in the window of the sample, instead of what is.
	Counter bool
	// Text is the description of its metric, with that of the value of its attribute, if there is one.
	Text string
}
