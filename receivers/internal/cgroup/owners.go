// SPDX-License-Identifier: Apache-2.0

package cgroup

import "strings"

// Owners calls yield with each cgroup that the tree follows, by the inode number of its directory, which is the kernel's
// ID of the cgroup, and the container that it is part of; nil outside containers.
func (t *Tree) Owners(yield func(inode uint64, owner *Container)) { owners(&t.root, nil, yield) }

func owners(n *node, owner *Container, yield func(uint64, *Container)) {
	if n.container != nil {
		owner = n.container
	}
	yield(n.inode, owner)
	for _, child := range n.children {
		owners(child, owner, yield)
	}
}

// Gone returns the container that a cgroup of this path was part of, by what is known of its path alone; nil outside
// containers. Where units are asked for, those are systemd's services and scopes and single cgroups, too.
func (t *Tree) Gone(path string) *Container {
	if owner := t.Owner(path); owner != nil {
		return owner
	}
	id := Identify(path)
	switch {
	case id.Path != "":
	case !t.units || id.InPods || path == "" || path == "/":
		return nil
	default:
		id.Path = unitOf(path)
		id.Name = id.Path[strings.LastIndexByte(id.Path, '/')+1:]
	}
	return &Container{Identity: id}
}

// unitOf is the outermost service or scope of the path, else all of it.
func unitOf(path string) string {
	for end := 1; end < len(path); end++ {
		next := strings.IndexByte(path[end:], '/')
		if next < 0 {
			break
		}
		end += next
		n := node{path: path[:end]}
		if n.isSystemdUnit() && !strings.HasPrefix(n.name(), "user@") {
			return n.path
		}
	}
	return path
}
