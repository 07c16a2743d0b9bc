// SPDX-License-Identifier: Apache-2.0

// Package embedded runs a ClickHouse server of our own: for a host without one, and for tests.
//
// [Start] takes the first of these that it finds:
//   - a clickhouse binary ([Options].Binary, else one on PATH), run as `clickhouse server`;
//   - libchdb, the shared library of ClickHouse, at the path that NODESEC_LIBCHDB names;
//   - libchdb out of a pinned npm package, fetched once into the user's cache folder.
//
// The server runs in a child process, which is this executable once more: every main and TestMain of a program
// that calls Start must call [RunChildIfAsked] first. The child holds the read end of a pipe whose write end only
// the parent has, so the kernel tells it when the parent ends, in whatever way, and it shuts down. It supervises a
// process of its own, in which ClickHouse runs: the binary, or this executable a third time with libchdb.
//
// Before libchdb stand a gate (gate.go) and a sandbox (sandbox.go): it is made to be used by its own process alone.
//
// A data folder ([Options].Path) belongs to one server at a time: the child holds a lock on it, which the kernel
// gives back when the process ends. [Find] uses the same lock to tell a running server from a stale state file.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// startAttempts bounds how often Start chooses other ports because a program took the chosen ones in between.
const startAttempts = 3

// Start runs a server on the folder o.Path and returns when it answers queries over HTTP and the native protocol.
// ctx bounds the start alone, including a download; the server runs until Stop, Kill or the end of this process.
func Start(ctx context.Context, o Options) (*Server, error) {
	if os.Getenv(childVariable) != "" {
		return nil, errors.New("start a server inside the server's process: " +
			"embedded.RunChildIfAsked must be the first call of main or TestMain")
	}
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	f, err := openFolder(o.Path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	e, err := findEngine(ctx, o)
	if err != nil {
		return nil, err
	}
	if e.library != "" && landlockVersion() == 0 {
		say(o.Output, "this kernel has no Landlock: every program on this host can read, by SQL, the files that "+
			"this user can read; a password (or a clickhouse binary) prevents that")
	}
	for attempt := 1; ; attempt++ {
		s, err := startOnce(ctx, o, f, e)
		if err == nil || attempt == startAttempts || !errors.Is(err, errChosenPortTaken) {
			return s, err
		}
	}
}

// startOnce starts the server with one choice of ports.
func startOnce(ctx context.Context, o Options, f *folder, e engine) (*Server, error) {
	d, err := openDoors(o, f.lastInfo())
	if err != nil {
		return nil, err
	}
	defer d.close()
	own := d.address()
	if e.library != "" {
		own, err = chooseInner()
	} else {
		d.close() // ClickHouse opens them itself
	}
	if err != nil {
		return nil, err
	}
	if err := writeConfig(o, f, own); err != nil {
		return nil, err
	}
	s, err := launch(o, f, e, d, own)
	if err != nil {
		return nil, fmt.Errorf("start the server's process: %w", err)
	}
	if err := s.waitReady(ctx); err != nil {
		return nil, errors.Join(portTaken(err), s.Kill())
	}
	// From now on, a ClickHouse that ends is started again.
	if _, err := s.alive.Write([]byte{1}); err != nil {
		return nil, errors.Join(fmt.Errorf("tell the server's process: %w", err), s.Kill())
	}
	if err := f.writeInfo(s.info); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}
