// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// DefaultFolder is where a stage keeps its records.
const DefaultFolder = "/run/nodesec-lab"

// Stage is where actors come and go. Several, of several processes too, can have one folder.
type Stage struct {
	folder string
	tree   hierarchies

	mu     sync.Mutex
	actors map[*Actor]struct{}
}

// Open makes a stage with its records in the folder, and first removes what dead processes left of theirs.
func Open(folder string) (*Stage, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("actors need root: they have cgroups and namespaces of their own")
	}
	tree, err := findHierarchies("/sys/fs/cgroup")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the stage's folder: %w", err)
	}
	s := &Stage{folder: folder, tree: tree, actors: map[*Actor]struct{}{}}
	return s, s.removeLeftovers()
}

// Close ends all actors.
func (s *Stage) Close() error {
	s.mu.Lock()
	all := make([]*Actor, 0, len(s.actors))
	for a := range s.actors {
		all = append(all, a)
	}
	s.mu.Unlock()
	failed := make([]error, len(all))
	var wg sync.WaitGroup
	for i, a := range all {
		wg.Go(func() { failed[i] = a.Close() })
	}
	wg.Wait()
	return errors.Join(failed...)
}

// New makes an actor. It lives until it is closed, its time is over, or this process ends, whichever is first; the
// context bounds the making alone.
func (s *Stage) New(ctx context.Context, cfg Config) (made *Actor, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = "lab"
	}
	cfg.Limits = cfg.Limits.withDefaults()
	id := make([]byte, 32)
	_, _ = rand.Read(id) // does not fail
	a := &Actor{ID: hex.EncodeToString(id), Name: cfg.Name, stage: s, privileged: cfg.Privileged, running: map[int]*Process{}, ended: make(chan struct{})}
	leaf := a.ID
	if cfg.Service {
		leaf = "lab-" + cfg.Name + "-" + a.ID[:12] + ".service"
	}
	a.Cgroup = "/" + cgroupParent + "/" + leaf

	if err := s.record(a); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := s.tree.make(a.Cgroup, cfg.Limits); err != nil {
		return nil, err
	}
	if err := a.begin(ctx, cfg); err != nil {
		return nil, fmt.Errorf("make actor %s: %w", cfg.Name, err)
	}
	s.mu.Lock()
	s.actors[a] = struct{}{}
	s.mu.Unlock()
	return a, nil
}

// lock makes this process the owner of what a record tells; ok is false while another one is.
func lock(file *os.File) (ok bool, err error) {
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// record writes down that there is the actor before there is anything of it. The record stays locked by this process as
// long as the actor lives; the kernel unlocks it when this process ends in whatever way. It gets its name when it is
// locked, so that nobody takes it for a leftover.
func (s *Stage) record(a *Actor) error {
	file, err := os.CreateTemp(s.folder, "new-")
	if err != nil {
		return fmt.Errorf("record an actor: %w", err)
	}
	a.recorded = file
	if _, err = lock(file); err == nil {
		_, err = file.WriteString(a.Cgroup)
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(s.folder, a.ID))
	}
	if err != nil {
		_ = file.Close()
		_ = os.Remove(file.Name())
		return fmt.Errorf("record an actor: %w", err)
	}
	return nil
}

// removeLeftovers removes the cgroups, with what may run in them, of actors whose record nobody locks.
func (s *Stage) removeLeftovers() error {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return fmt.Errorf("read the stage's folder: %w", err)
	}
	var failed []error
	for _, e := range entries {
		if id, err := hex.DecodeString(e.Name()); err == nil && len(id) == 32 {
			failed = append(failed, s.removeLeftover(filepath.Join(s.folder, e.Name())))
		}
	}
	return errors.Join(failed...)
}

func (s *Stage) removeLeftover(name string) error {
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil // its owner has just removed it
	}
	if err != nil {
		return fmt.Errorf("read the record of an actor: %w", err)
	}
	defer func() { _ = file.Close() }()
	if free, err := lock(file); err != nil || !free {
		return err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read the record of an actor: %w", err)
	}
	cgroup := string(text)
	if filepath.Clean(cgroup) != cgroup || filepath.Dir(cgroup) != "/"+cgroupParent {
		return fmt.Errorf("the record %s names a cgroup that is no actor's: %q", name, cgroup)
	}
	if err := s.tree.remove(cgroup); err != nil {
		return err
	}
	return os.Remove(name)
}
