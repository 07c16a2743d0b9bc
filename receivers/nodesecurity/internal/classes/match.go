// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"net/netip"
	"strings"
)

// MatchExecutable returns the bits of the classes of an executable, which is named without directory.
func (t *Tables) MatchExecutable(name string) uint64 {
	cut := executableName(name)
	if bits, ok := t.Executables[cut]; ok {
		return bits
	}
	return t.Executables[cut.withoutVersion()]
}

// MatchPath returns the bits of the classes of a path. Components that are empty or "." do not count, ".." is a name
// like any other. A path that does not start with "/" is matched by its last two components only. A component of more
// than 27 bytes matches "*" and nothing else.
func (t *Tables) MatchPath(path string) uint64 {
	var bits uint64
	var directory, leaf string
	node, walks := t.PathRoot, strings.HasPrefix(path, "/")
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, "/")
		if name == "" || name == "." {
			continue
		}
		directory, leaf = leaf, name
		if walks {
			node, walks = t.child(node, name)
			bits |= node.Bits
		}
	}
	if len(leaf) <= maxComponent {
		bits |= t.Leaves[component(leaf)]
	}
	if len(directory) <= maxComponent {
		bits |= t.Directories[component(directory)]
	}
	return bits
}

// child is one step of the walk; without a child it returns a node without bits.
func (t *Tables) child(node PathNode, name string) (PathNode, bool) {
	if node.Flags&PathHasNames != 0 && len(name) <= maxComponent {
		if child, ok := t.PathNodes[PathKey{Node: node.Node, Name: component(name)}]; ok {
			return child, true
		}
	}
	if node.Flags&PathHasAny != 0 {
		return t.PathNodes[PathKey{Node: node.Node, Name: component(anyName)}], true
	}
	return PathNode{}, false
}

// MatchPort returns the bits of the classes of a port.
func (t *Tables) MatchPort(port uint16) uint32 { return t.Ports[port] }

// MatchAddr returns the bits of the classes of an address. IPv4 that is mapped into IPv6 counts as IPv4.
func (t *Tables) MatchAddr(addr netip.Addr) uint32 {
	addr = addr.Unmap().WithZone("")
	longest := Network{Prefix: netip.PrefixFrom(addr, 0)}
	for _, network := range t.Networks {
		if network.Prefix.Contains(addr) && network.Prefix.Bits() >= longest.Prefix.Bits() {
			longest = network
		}
	}
	return longest.Bits
}
