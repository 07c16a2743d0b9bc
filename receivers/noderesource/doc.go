// SPDX-License-Identifier: Apache-2.0

// Package noderesource measures the resources of a Linux node, its containers and its processes, all at the same
// points of a time grid.
package noderesource
