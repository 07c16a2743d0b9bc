// SPDX-License-Identifier: Apache-2.0

// Package server runs the ClickHouse that is measured, as a process of its own.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nodesec/nodesec/internal/embedded"
)

// Server is a running ClickHouse.
type Server struct {
	Native, HTTP string // addresses, host:port
	Version      string
	PID          int // of ClickHouse itself, whose CPU time is measured

	embedded *embedded.Server
}

// RunIfAsked runs the server in this process and does not return, if this process is the child that Start made. It
// must be the first call of main.
func RunIfAsked() { embedded.RunChildIfAsked() }

// Start runs a server on an empty folder.
func Start(ctx context.Context, folder string) (*Server, error) {
	e, err := embedded.Start(ctx, embedded.Options{Path: folder, Output: os.Stderr})
	if err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	info := e.Info()
	engine, err := innermost(info.PID)
	if err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return &Server{
		Native: info.NativeAddr(), HTTP: info.HTTPAddr(), Version: info.Version, PID: engine, embedded: e,
	}, nil
}

// innermost follows a process to its only child, the child's only child and so on: ClickHouse itself runs below the
// process that watches it and hands its clients on.
func innermost(pid int) (int, error) {
	for {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // one file per thread
		if err != nil || len(files) == 0 {
			return 0, fmt.Errorf("list the children of process %d: needs a kernel with CONFIG_PROC_CHILDREN", pid)
		}
		var children []string
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // a thread may end
				return 0, fmt.Errorf("list the children of process %d: %w", pid, err)
			}
			children = append(children, strings.Fields(string(text))...)
		}
		if len(children) == 0 {
			return pid, nil
		}
		if len(children) > 1 {
			return 0, fmt.Errorf("find ClickHouse: process %d has the children %v", pid, children)
		}
		if pid, err = strconv.Atoi(children[0]); err != nil {
			return 0, fmt.Errorf("find ClickHouse: %w", err)
		}
	}
}

// Stop ends the server.
func (s *Server) Stop() error { return s.embedded.Stop() }
