// SPDX-License-Identifier: Apache-2.0

// Package nodesecurity measures the security of a Linux node and its containers: what happens, counted inside the kernel
// by BPF programs, and posture, read from /proc and /sys. All samples are on the common time grid.
package nodesecurity
