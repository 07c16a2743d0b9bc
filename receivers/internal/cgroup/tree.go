// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"cmp"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Container is a cgroup that is measured: that of a container, of a systemd service or scope, or another leaf cgroup.
type Container struct {
	// Identity says whose cgroup it is. Path is always set, Name where there is no ContainerID.
	Identity
	// Inode tells a cgroup from another that had the same path before: the kernel does not use a number twice before all
	// others were used.
	Inode uint64
	// Made is when the cgroup was made, on the wall clock. The kernel keeps no birth time of cgroups; this is the
	// modification time of the directory when it was first seen. It is later than the birth if the kernel dropped the
	// directory from its cache meanwhile (fs/kernfs/inode.c kernfs_init_inode takes the time again), or if the owner
	// set extended attributes on it, as systemd does, and then made cgroups in it.
	Made time.Time
	// Fresh says that the cgroup was not there when the previous Refresh looked.
	Fresh bool

	descriptors []int
	reads       int
}

// Tree knows the cgroups of the main hierarchy and which of them are containers.
//
// Refresh asks for one stat of each directory and lists only those that changed: st_nlink of a cgroup directory is the
// number of directories in it plus 2 (fs/kernfs/inode.c kernfs_refresh_inode). If that is unchanged and all directories
// known before still are there with their inode numbers, no other can have come.
//
// Below containers, services and scopes those who run there may make cgroups of their own, as many as they like, with any
// name. So the tree follows at most maxBelow below each, and of several cgroups with the same container ID only the first
// one seen is that container: a copy of the name made later does not pass for it.
//
// Tree is not safe for concurrent use.
type Tree struct {
	mount      Mount
	files      *files
	units      bool
	root       node
	containers []*Container
	holders    map[string]*node // by container ID
	refreshes  int
	overfull   int
}

const (
	// maxBelow bounds the cgroups followed below a container, a service or a scope. A Kubernetes node that runs in a
	// container with 250 pods has about 1000.
	maxBelow = 2048
	// maxPath bounds the length of the path of a cgroup whose directory is listed, far from where system calls refuse it.
	maxPath = 2048
	// scanChunk is how many entries of a directory are read at once.
	scanChunk = 256
)

// node is one directory.
type node struct {
	full     string // with the mount point
	path     string // without; part of full
	inode    uint64
	links    int
	made     time.Time
	found    int // in which refresh
	identity Identity
	children []*node // by path
	// below counts the directories known below the container, service or scope that the node is or is in; nil outside.
	below *int
	// container is set while the node is measured as one.
	container *Container
}

// NewTree returns the tree of the hierarchy, empty until Refresh. units says whether systemd's services and scopes and
// other leaf cgroups are containers too.
func NewTree(h *Hierarchy, units bool) *Tree {
	return &Tree{mount: h.Main, files: newFiles(h), units: units, root: node{full: h.Main.Dir},
		holders: map[string]*node{}}
}

// Close gives back all that is kept between two calls.
func (t *Tree) Close() { t.drop(&t.root) }

// Containers returns the containers in the order of their paths, valid until the next Refresh.
func (t *Tree) Containers() []*Container { return t.containers }

// Overfull is in how many directories the latest Refresh left cgroups out, because there are too many of them.
func (t *Tree) Overfull() int { return t.overfull }

// Owner returns the container that the processes in a cgroup are part of: the innermost one at or above the path, as far
// as the tree knows it; nil if there is none.
func (t *Tree) Owner(path string) (owner *Container) {
	n := &t.root
	for end := 0; end < len(path); {
		length := strings.IndexByte(path[end+1:], '/')
		if end += 1 + length; length < 0 {
			end = len(path)
		}
		at, known := n.search(path[:end])
		if !known {
			break
		}
		if n = n.children[at]; n.container != nil {
			owner = n.container
		}
	}
	return owner
}

// Read reads the files of the container into s and tells the sources that could not be read. The error is fs.ErrNotExist
// if the container is gone; s is then of no use.
func (t *Tree) Read(c *Container, s *Stats) (missing Source, err error) {
	missing, failed := t.files.read(c, s)
	if !failed {
		return missing, nil
	}
	inode, err := inodeOf(t.mount.Dir + c.Path)
	if err != nil {
		return missing, err
	}
	if inode != c.Inode {
		return missing, &fs.PathError{Op: "stat", Path: t.mount.Dir + c.Path, Err: fs.ErrNotExist}
	}
	return missing, nil
}

// Refresh looks for cgroups that came and went and lists the containers anew.
func (t *Tree) Refresh() error {
	if _, err := t.root.stat(); err != nil {
		return err
	}
	t.refreshes++
	t.overfull = 0
	t.refresh(&t.root)
	t.containers = t.containers[:0]
	t.list(&t.root, nil)
	return nil
}

func (t *Tree) refresh(n *node) {
	n.children = slices.DeleteFunc(n.children, func(child *node) bool {
		same, err := child.stat()
		if err == nil && same {
			return false
		}
		t.drop(child)
		return true
	})
	if n.links != len(n.children)+2 {
		t.scan(n)
	}
	for _, child := range n.children {
		t.refresh(child)
	}
}

// drop gives back what is kept for a directory that is gone, and for those below.
func (t *Tree) drop(n *node) {
	t.unlist(n)
	for _, child := range n.children {
		t.drop(child)
	}
	n.children = nil
	if n.below != nil {
		*n.below--
	}
	if t.holders[n.identity.ContainerID] == n {
		delete(t.holders, n.identity.ContainerID)
	}
}

func (t *Tree) unlist(n *node) {
	if n.container != nil {
		t.files.close(n.container)
		n.container = nil
	}
}

// stat updates the node and says whether it still is the same directory.
func (n *node) stat() (same bool, err error) {
	var st unix.Stat_t
	if err := unix.Stat(n.full, &st); err != nil {
		return false, &fs.PathError{Op: "stat", Path: n.full, Err: err}
	}
	same = n.inode == st.Ino
	n.inode, n.links = st.Ino, int(st.Nlink)
	if !same {
		n.made = time.Unix(st.Mtim.Unix())
	}
	return same, nil
}

// scan adds the directories in n that are not known yet. Those that vanish meanwhile are not added; an error means that n
// itself vanished.
func (t *Tree) scan(n *node) {
	if n.isFull() {
		t.overfull++
		return
	}
	dir, err := os.Open(n.full)
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	for err == nil {
		var entries []fs.DirEntry
		entries, err = dir.ReadDir(scanChunk)
		for _, entry := range entries {
			if !entry.IsDir() {
				continue
			}
			if n.isFull() {
				t.overfull++
				return
			}
			n.add(entry.Name(), t.refreshes)
		}
	}
}

// isFull says that no directory below n is followed beyond those that are.
func (n *node) isFull() bool { return n.below != nil && *n.below >= maxBelow || len(n.path) > maxPath }

// add adds a directory, found in this refresh, unless it is known.
func (n *node) add(name string, refresh int) {
	path := n.path + "/" + name
	at, known := n.search(path)
	if known {
		return
	}
	prefix := len(n.full) - len(n.path)
	full := n.full[:prefix] + path
	child := &node{full: full, path: full[prefix:], found: refresh, below: n.below}
	if _, err := child.stat(); err != nil {
		return
	}
	child.identity = Identify(child.path)
	if n.below != nil {
		*n.below++
	} else if child.identity.Path == child.path || child.isSystemdUnit() {
		child.below = new(int)
	}
	n.children = slices.Insert(n.children, at, child)
}

// search returns the place of a child, or where it would be.
func (n *node) search(path string) (at int, known bool) {
	return slices.BinarySearchFunc(n.children, path, func(child *node, path string) int {
		return cmp.Compare(child.path, path)
	})
}

func inodeOf(path string) (uint64, error) {
	n := node{full: path}
	_, err := n.stat()
	return n.inode, err
}

// name is the last element of the path.
func (n *node) name() string { return n.path[strings.LastIndexByte(n.path, '/')+1:] }
