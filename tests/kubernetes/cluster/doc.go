// SPDX-License-Identifier: Apache-2.0

// Package cluster runs the parts of a real Kubernetes cluster. They are built from their sources, or come from Debian's
// packages, into the user's cache folder; nothing is installed.
//
// Tests call [StartAPI] for an API server with nothing behind it, which needs no root. [Parts] and the rest serve the command
// tests/kubernetes/node, which runs a whole node.
package cluster
