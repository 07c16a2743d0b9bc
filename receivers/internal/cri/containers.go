// SPDX-License-Identifier: Apache-2.0

package cri

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// remembered is how long a container is known after its bundle was removed: it may have lived between two ticks.
	remembered = 2 * time.Minute
	// maxKnown bounds the containers that are known at a time. A node has some hundreds.
	maxKnown = 16384
	// firstRetry and lastRetry are how long to wait for the specification in a bundle that was just made; each wait is
	// twice the one before.
	firstRetry, lastRetry = 2 * time.Millisecond, time.Second
)

// Containers knows those of a node. It learns of each when the runtime makes its bundle, so that it knows those too that
// live for some milliseconds. It is safe for concurrent use.
type Containers struct {
	root    string
	watcher *fsnotify.Watcher // nil if there is none to be had; then what lives is known, and what is gone is not
	running sync.WaitGroup
	closed  chan struct{}

	mu      sync.Mutex
	known   map[string]*known
	watched map[string]bool // folders
}

type known struct {
	container Container
	gone      time.Time // when the bundle was removed; zero while it is there
}

// Watch returns the containers of the node whose root file system is at root. The error says why short-lived ones may stay
// unknown; the containers are of use with it.
func Watch(root string) (*Containers, error) {
	c := &Containers{root: root, closed: make(chan struct{}), known: map[string]*known{}, watched: map[string]bool{}}
	var err error
	if c.watcher, err = fsnotify.NewWatcher(); err != nil {
		c.watcher = nil
		return c, err
	}
	c.watchNew()
	c.running.Go(c.follow)
	return c, nil
}

// Close ends the watching.
func (c *Containers) Close() {
	close(c.closed)
	if c.watcher != nil {
		_ = c.watcher.Close()
	}
	c.running.Wait()
}

// Of returns the container with the ID; nothing is known of one that no runtime made for Kubernetes, and nothing at all to a
// nil Containers.
func (c *Containers) Of(id string) Container {
	if c == nil || !isID(id) {
		return Container{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.known[id]; k != nil {
		return k.container
	}
	c.watchNew()
	for _, b := range bundles() {
		if container, err := b.read(c.root, id); err == nil {
			c.add(id, &known{container: container})
			return container
		}
	}
	// The bundle is made before the cgroup by which we are asked, so there will be none.
	c.add(id, &known{gone: time.Now()})
	return Container{}
}

// watchNew watches the folders of runtimes that were started since it was called last.
func (c *Containers) watchNew() {
	if c.watcher == nil {
		return
	}
	for _, b := range bundles() {
		folder := filepath.Join(c.root, b.folder)
		if !c.watched[folder] && c.watcher.Add(folder) == nil {
			c.watched[folder] = true
		}
	}
}

// follow hears what the runtimes make and remove, until Close.
func (c *Containers) follow() {
	for {
		select {
		case <-c.closed:
			return
		case event := <-c.watcher.Events:
			c.hear(event)
		case err := <-c.watcher.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) { // more at once than the kernel keeps
				c.learnAll()
			}
		}
	}
}

func (c *Containers) hear(event fsnotify.Event) {
	folder, id := filepath.Split(event.Name)
	switch {
	case event.Has(fsnotify.Create) && isID(id):
		c.running.Go(func() { c.learn(filepath.Clean(folder), id) })
	case event.Has(fsnotify.Remove) && isID(id):
		c.remove(id)
	case event.Has(fsnotify.Remove):
		c.mu.Lock()
		delete(c.watched, event.Name)
		c.mu.Unlock()
	}
}

// learnAll reads all bundles that are there.
func (c *Containers) learnAll() {
	for _, b := range bundles() {
		folder := filepath.Join(c.root, b.folder)
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue // a runtime that this node has not
		}
		for _, entry := range entries {
			if isID(entry.Name()) {
				c.Of(entry.Name())
			}
		}
	}
}

// learn reads the bundle as soon as the runtime has written it.
func (c *Containers) learn(folder, id string) {
	for _, b := range bundles() {
		if folder != filepath.Join(c.root, b.folder) {
			continue
		}
		for wait := firstRetry; wait <= lastRetry; wait *= 2 {
			container, err := b.read(c.root, id)
			if err == nil {
				c.mu.Lock()
				c.add(id, &known{container: container})
				c.mu.Unlock()
				return
			}
			select {
			case <-c.closed:
				return
			case <-time.After(wait):
			}
		}
	}
}

// add remembers the container.
func (c *Containers) add(id string, k *known) {
	if len(c.known) >= maxKnown {
		c.forget(0)
	}
	if len(c.known) < maxKnown {
		c.known[id] = k
	}
}

// remove notes that the container is gone, and forgets those that are for long.
func (c *Containers) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.known[id]; k != nil {
		k.gone = time.Now()
	}
	c.forget(remembered)
}

// forget drops those that are gone for so long.
func (c *Containers) forget(age time.Duration) {
	for id, k := range c.known {
		if !k.gone.IsZero() && time.Since(k.gone) >= age {
			delete(c.known, id)
		}
	}
}

// isID says whether the text is the ID of a container, and with that a safe name of a file: 64 hexadecimal digits.
func isID(text string) bool {
	if len(text) != 64 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
