// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/nodesec/nodesec/tests/bench/internal/collect"
	"github.com/nodesec/nodesec/tests/bench/internal/day"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/security"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
	"github.com/nodesec/nodesec/tests/bench/internal/store"
	"github.com/nodesec/nodesec/tests/bench/internal/tagging"
)

func runStore(ctx context.Context, size sizes, log *slog.Logger) ([]report.Table, error) {
	return withServer(ctx, func(s *server.Server) ([]report.Table, error) { return store.Run(ctx, s, size.store, log) })
}

func runFloor(ctx context.Context, size sizes, log *slog.Logger) ([]report.Table, error) {
	return withServer(ctx, func(s *server.Server) ([]report.Table, error) { return store.Floor(ctx, s, size.floor, log) })
}

func runDay(ctx context.Context, size sizes, log *slog.Logger) ([]report.Table, error) {
	return withServer(ctx, func(s *server.Server) ([]report.Table, error) { return day.Run(ctx, s, size.day, log) })
}

func runCollect(ctx context.Context, size sizes, log *slog.Logger) ([]report.Table, error) {
	return collect.Run(ctx, size.collect, log)
}

func runRules(ctx context.Context, size sizes, log *slog.Logger) ([]report.Table, error) {
	return tagging.Run(ctx, size.rules, log)
}

// part is one of the benchmarks.
type part struct {
	name string
	run  func(context.Context, sizes, *slog.Logger) ([]report.Table, error)
}

func parts() []part {
	all := []part{{"store", runStore}, {"floor", runFloor}, {"day", runDay}, {"collect", runCollect}, {"rules", runRules}}
	for _, name := range security.Parts() {
		all = append(all, part{"security/" + name, func(ctx context.Context, size sizes, log *slog.Logger) ([]report.Table, error) {
			return security.Run(ctx, name, size.security, log)
		}})
	}
	return all
}

// isOneOf reports whether names have that of the part, or of the whole that it is a part of.
func (p part) isOneOf(names []string) bool {
	whole, _, _ := strings.Cut(p.name, "/")
	return slices.Contains(names, p.name) || slices.Contains(names, whole)
}

// withServer runs a benchmark with an empty server of its own, whose data are removed afterwards.
func withServer(ctx context.Context, run func(*server.Server) ([]report.Table, error)) (_ []report.Table, err error) {
	folder, err := os.MkdirTemp("", "nodesec-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the server: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	s, err := server.Start(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	return run(s)
}
