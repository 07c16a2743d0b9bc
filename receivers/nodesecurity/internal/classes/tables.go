// SPDX-License-Identifier: Apache-2.0

package classes

import "net/netip"

// ExecutableName is a name cut to its first 15 bytes and padded with NUL.
type ExecutableName [16]byte

// Component is one component of a path, padded with at least one NUL.
type Component [28]byte

// PathKey names a node of the trie of path components: the child of a node. BPF programs use the same layout.
type PathKey struct {
	Node uint32 // the parent's PathNode.Node, 0 for the root
	Name Component
}

// The flags of a PathNode, for programs that want to save a lookup that can not find anything.
const (
	PathHasNames uint32 = 1 << iota // the node has children with names
	PathHasAny                      // the node has the child "*"
)

// PathNode is a node of the trie. BPF programs use the same layout.
type PathNode struct {
	Node  uint32 // number of the node, 0 if it has no children (and for the root)
	Flags uint32
	Bits  uint64 // bits of the classes whose patterns end here
}

// Network is a prefix and the classes of its addresses, with those of all shorter prefixes that contain it.
type Network struct {
	Prefix netip.Prefix
	Bits   uint32
}

// Tables are the classes as BPF programs look them up.
type Tables struct {
	// Executables holds names. A program looks up the name, and if there is none the name without its trailing
	// bytes out of "0123456789.-". An entry has the bits of the name without version already.
	Executables map[ExecutableName]uint64
	// PathNodes is a trie of path components, flattened. A program goes down from the root (PathRoot): per component it
	// looks up the child of that name, else the child "*"; it ORs the bits of the nodes it visits and stops where there
	// is no child. What is below "*" is also below its siblings, so it never has to go back.
	PathNodes map[PathKey]PathNode
	// PathRoot is the root of the trie: its flags.
	PathRoot PathNode
	// Leaves are looked up with the last component of a path.
	Leaves map[Component]uint64
	// Directories are looked up with the component before the last.
	Directories map[Component]uint64
	// Ports holds port numbers in host byte order.
	Ports map[uint16]uint32
	// Networks is sorted by family, address and length. The longest prefix that contains an address tells its classes.
	// IPv4 is never mapped into IPv6.
	Networks []Network
}
