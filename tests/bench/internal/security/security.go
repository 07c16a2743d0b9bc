// SPDX-License-Identifier: Apache-2.0

// Package security measures what counting security events costs: the programs in the kernel per system call, against empty
// programs and against tracers; the work of others beside them; the samples in user space; the whole agent's memory.
package security

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

// Options say how much is measured.
type Options struct {
	Calls  int // of dd and of each act that is cheap; dear ones make fewer
	Tries  int // of each act, of which the least counts
	Rounds int // of all acts under each load

	MixedRounds int
	Builds      bool // a real build is part of the mix

	Containers []int // how many there are in turn, for the samples in user space
	Scrapes    int   // in a round
	TickRounds int

	Processes int           // on the host whose agent's memory is measured, in as many containers as the target says
	Settle    time.Duration // how long the agent runs before
}

// containersOfTargets is how many containers the targets are about.
const containersOfTargets = 110

// Parts are the names of what is measured.
func Parts() []string { return []string{"calls", "mixed", "ticks", "memory"} }

// Run measures a part. It needs to be root.
func Run(ctx context.Context, part string, o Options, log *slog.Logger) (_ []report.Table, err error) {
	runtime.LockOSThread() // the processes die with the thread that started them
	defer runtime.UnlockOSThread()
	folder, err := os.MkdirTemp("", "nodesec-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	m := &measuring{options: o, folder: folder, log: log}
	switch part {
	case "calls":
		return m.calls(ctx)
	case "mixed":
		return m.mixed(ctx)
	case "ticks":
		return m.ticks(ctx)
	}
	return m.memory(ctx)
}

// measuring is what the measurements share.
type measuring struct {
	options Options
	folder  string // for files, removed at the end
	log     *slog.Logger
}
