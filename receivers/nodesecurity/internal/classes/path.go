// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxComponents = 12
	maxComponent  = len(Component{}) - 1
)

// MaxPathNodes is how many nodes the trie may have. Patterns with "*" multiply: in the worst case each one doubles the
// nodes.
const MaxPathNodes = 16384

const anyName = "*"

func (t *Tables) compilePaths(defaults, changes map[string][]string) error {
	t.Leaves = map[Component]uint64{}
	t.Directories = map[Component]uint64{}
	root := &trieNode{}
	err := compileMembers(section[string]{"paths", PathClassNames(), defaults, changes},
		func(class int, text string) error {
			pattern, err := parsePath(text)
			if err != nil {
				return fmt.Errorf("%w, got %q", err, text)
			}
			bit := PathClass(class).Bit()
			switch pattern.kind {
			case kindAbsolute:
				root.add(pattern.components, bit)
			case kindLeaf:
				t.Leaves[component(pattern.components[0])] |= bit
			case kindDirectory:
				t.Directories[component(pattern.components[0])] |= bit
			}
			return nil
		})
	return errors.Join(err, t.flatten(root))
}

type pathKind int

const (
	kindAbsolute  pathKind = iota // "/a/*/b"
	kindLeaf                      // "**/name"
	kindDirectory                 // "**/name/"
)

type pathPattern struct {
	kind       pathKind
	components []string
}

// parsePath reads a member of a path class. Its errors say what the member must be, without the member.
func parsePath(text string) (pathPattern, error) {
	pattern := pathPattern{}
	name, anywhere := strings.CutPrefix(text, "**/")
	if anywhere {
		pattern.kind = kindLeaf
		if inside, ok := strings.CutSuffix(name, "/"); ok {
			pattern.kind, name = kindDirectory, inside
		}
		if strings.Contains(name, "/") || strings.Contains(name, "*") {
			return pattern, errors.New(`must have one name without "*" after "**/"`)
		}
		pattern.components = []string{name}
	} else {
		if !strings.HasPrefix(text, "/") {
			return pattern, errors.New(`must be absolute or start with "**/"`)
		}
		pattern.components = strings.Split(text[1:], "/")
	}
	if len(pattern.components) > maxComponents {
		return pattern, fmt.Errorf("must have at most %d components", maxComponents)
	}
	for _, name := range pattern.components {
		if err := checkComponent(name); err != nil {
			return pattern, err
		}
	}
	return pattern, nil
}

func checkComponent(name string) error {
	switch {
	case name == "":
		return errors.New(`must not have an empty component or, if absolute, a "/" at its end`)
	case len(name) > maxComponent:
		return fmt.Errorf("must have components of at most %d bytes", maxComponent)
	case name == "." || name == "..":
		return errors.New(`must not have the component "." or ".."`)
	case name != anyName && strings.Contains(name, "*"):
		return errors.New(`must have "*" only as a whole component`)
	case strings.Contains(name, "\x00"):
		return errors.New("must not have a zero byte")
	}
	return nil
}

func component(name string) (result Component) {
	copy(result[:maxComponent], name)
	return result
}

// trieNode is a node of the trie of patterns as they are written.
type trieNode struct {
	children map[string]*trieNode
	bits     uint64
}

func (n *trieNode) add(components []string, bit uint64) {
	for _, name := range components {
		child := n.children[name]
		if child == nil {
			child = &trieNode{}
			if n.children == nil {
				n.children = map[string]*trieNode{}
			}
			n.children[name] = child
		}
		n = child
	}
	n.bits |= bit
}

// pathState is a node of the flattened trie while it is made: all nodes of the written trie where a walk with
// backtracking could be after the same components. So a walk over states needs no backtracking.
type pathState struct {
	node  uint32
	nodes []*trieNode
}

// flatten fills PathNodes breadth first with children in the order of their names, which makes numbers reproducible.
func (t *Tables) flatten(root *trieNode) error {
	t.PathNodes = map[PathKey]PathNode{}
	start := pathState{nodes: []*trieNode{root}}
	t.PathRoot.Flags = start.flags()
	queue := []pathState{start}
	last := uint32(0)
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		for _, name := range state.names() {
			next := pathState{nodes: state.step(name)}
			value := PathNode{Flags: next.flags(), Bits: next.bits()}
			if value.Flags != 0 {
				last++
				next.node, value.Node = last, last
				queue = append(queue, next)
			}
			t.PathNodes[PathKey{Node: state.node, Name: component(name)}] = value
			if len(t.PathNodes) > MaxPathNodes {
				return fmt.Errorf("paths: must compile to at most %d nodes, got more: use \"*\" in fewer patterns",
					MaxPathNodes)
			}
		}
	}
	return nil
}

// step is where a walk can be after one more component.
func (s pathState) step(name string) []*trieNode {
	var next []*trieNode
	for _, node := range s.nodes {
		if child := node.children[name]; child != nil {
			next = append(next, child)
		}
		if child := node.children[anyName]; child != nil && name != anyName {
			next = append(next, child)
		}
	}
	return next
}

func (s pathState) names() []string {
	var names []string
	for _, node := range s.nodes {
		for name := range node.children {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s pathState) flags() uint32 {
	var flags uint32
	for _, node := range s.nodes {
		for name := range node.children {
			if name == anyName {
				flags |= PathHasAny
			} else {
				flags |= PathHasNames
			}
		}
	}
	return flags
}

func (s pathState) bits() uint64 {
	var bits uint64
	for _, node := range s.nodes {
		bits |= node.bits
	}
	return bits
}
