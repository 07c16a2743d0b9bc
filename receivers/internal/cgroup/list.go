// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
	"strings"
)

// list finds the containers below n. owner is the container that n belongs to.
//
// A cgroup is a container if its path says so and no other has the same ID. Where units are asked for, so is what is in
// no container and below no kubelet's pods: systemd's services and scopes, each with all that is below, and other cgroups
// that have no cgroup below and hold processes. What is left are groups of containers (slices, pods), whose numbers are
// the sums of others.
func (t *Tree) list(n *node, owner *Container) {
	for _, child := range n.children {
		inside := owner
		t.claimID(child)
		switch {
		case child.identity.Path == child.path:
			inside = t.add(child)
		case owner != nil:
			t.unlist(child)
		case t.units && !child.identity.InPods && t.isUnit(child):
			inside = t.add(child)
		default:
			t.unlist(child)
		}
		t.list(child, inside)
	}
}

// claimID takes the identity from a cgroup whose container ID another has already.
func (t *Tree) claimID(n *node) {
	id := n.identity.ContainerID
	if id == "" || n.identity.Path != n.path {
		return
	}
	switch t.holders[id] {
	case n:
	case nil:
		t.holders[id] = n
	default:
		n.identity = Identity{InPods: n.identity.InPods}
	}
}

// add lists the node as a container.
func (t *Tree) add(n *node) *Container {
	c := n.container
	if c == nil {
		c = &Container{Identity: n.identity, Inode: n.inode, Made: n.made}
		c.Fresh = t.refreshes > 1 && n.found == t.refreshes
		c.Path = n.path
		if c.ContainerID == "" && c.Name == "" {
			c.Name = n.name()
		}
		n.container = c
	}
	t.containers = append(t.containers, c)
	return c
}

// isUnit says whether a cgroup outside containers is measured as one. A service user@UID.service is the service manager
// of a user: the units are below it.
func (t *Tree) isUnit(n *node) bool {
	name := n.name()
	switch {
	case strings.HasPrefix(name, "user@") && strings.HasSuffix(name, ".service"):
		return false
	case n.isSystemdUnit():
		return true
	case len(n.children) > 0:
		return false
	}
	// Once it was seen with processes it stays, so that its series has no gaps.
	return n.container != nil || t.isPopulated(n)
}

func (n *node) isSystemdUnit() bool {
	return strings.HasSuffix(n.path, ".service") || strings.HasSuffix(n.path, ".scope")
}

// isPopulated says whether there are processes in the cgroup.
func (t *Tree) isPopulated(n *node) bool {
	if !t.mount.V2 {
		procs, err := os.ReadFile(filepath.Join(n.full, "cgroup.procs"))
		return err == nil && len(procs) > 0
	}
	events, err := os.ReadFile(filepath.Join(n.full, "cgroup.events"))
	if err != nil {
		return false
	}
	for key, value := range flatKeyed(events) {
		if string(key) == "populated" {
			return value > 0
		}
	}
	return false
}
