// SPDX-License-Identifier: Apache-2.0

// Package server runs the ClickHouse that is measured, as a process of its own.
package server

import (
	"context"
	"fmt"
	"os"

	"github.com/nodesec/nodesec/internal/embedded"
)

// Server is a running ClickHouse.
type Server struct {
	Native, HTTP string // addresses, host:port
	Version      string
	PID          int // of the process whose CPU time is measured

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
	return &Server{
		Native: info.NativeAddr(), HTTP: info.HTTPAddr(), Version: info.Version, PID: info.PID, embedded: e,
	}, nil
}

// Stop ends the server.
func (s *Server) Stop() error { return s.embedded.Stop() }
