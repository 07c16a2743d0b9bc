// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/lab/actor"
	"github.com/nodesec/nodesec/lab/scenario"
)

// Options say what a session runs.
type Options struct {
	Scenarios []*scenario.Scenario
	// Seed is that of the first run of each scenario, and Runs how many there are.
	Seed uint64
	Runs int
	// Parallel is how many runs go on at the same time.
	Parallel int
	// Records is the folder for the records.
	Records string
	// Progress gets a line per run.
	Progress io.Writer
}

// Validate checks the options.
func (o *Options) Validate() error {
	var errs []error
	if o.Runs < 1 || o.Runs > 1000 {
		errs = append(errs, fmt.Errorf("--runs: must be 1 to 1000, got %d", o.Runs))
	}
	if o.Parallel < 1 || o.Parallel > 32 {
		errs = append(errs, fmt.Errorf("--parallel: must be 1 to 32, got %d", o.Parallel))
	}
	return errors.Join(errs...)
}

// Session runs all scenarios, and after each run writes its record and its annotations. Runs that are interrupted are
// recorded, but not annotated: nobody knows what their last step came to.
func Session(ctx context.Context, stage *actor.Stage, o Options, store annotation.Store) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	s := session{options: o, store: store, samples: Samples{Client: store.Client, Database: store.Database}}
	if s.interval, err = s.samples.Interval(ctx); err != nil {
		return err
	}
	if s.runner, err = New(ctx, stage); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.runner.Close()) }()
	// The agent must know the container of marks before the first mark: it finds new containers once a tick.
	if err := pause(ctx, 2*s.interval); err != nil {
		return err
	}
	return s.runAll(ctx)
}

// session is a Session under way.
type session struct {
	options  Options
	runner   *Runner
	store    annotation.Store
	samples  Samples
	interval time.Duration

	mu     sync.Mutex // guards the rest, and the order of lines of progress
	runs   int
	failed []error
}

// runAll runs everything, so many at a time as the options say, the first run of all scenarios before the second of one.
func (s *session) runAll(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(s.options.Parallel)
	all := s.options.Scenarios
	for i := range s.options.Runs * len(all) {
		plan := all[i%len(all)].Plan(s.options.Seed + uint64(i/len(all)))
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			record := s.runner.NewRecord(plan, time.Now())
			err := s.runner.Run(ctx, plan, record)
			s.finish(record, errors.Join(err, s.write(context.WithoutCancel(ctx), record)))
			return nil // the other runs go on
		})
	}
	_ = group.Wait()
	return errors.Join(append(s.failed, ctx.Err())...)
}

// write writes what is known when a run is over.
func (s *session) write(ctx context.Context, record *Record) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var err error
	if record.Failed == "" {
		err = s.runner.Align(ctx, s.samples, s.interval, record)
	}
	err = errors.Join(err, record.Write(s.options.Records))
	if record.Failed == "" {
		err = errors.Join(err, s.store.Insert(ctx, record.Annotations()))
	}
	return err
}

// finish prints a line for a run.
func (s *session) finish(record *Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	if err != nil {
		s.failed = append(s.failed, fmt.Errorf("run %s: %w", record.ID, err))
	}
	total := fmt.Sprint(s.options.Runs * len(s.options.Scenarios))
	fmt.Fprintf(s.options.Progress, "%*d/%s  %s\n", len(total), s.runs, total, record.line())
}

// line is what happened in a few words.
func (r *Record) line() string {
	done := 0
	for i := range r.Steps {
		if r.Steps[i].Outcome == Done {
			done++
		}
	}
	text := fmt.Sprintf("%s  %d of %d steps done in %s", r.ID, done, len(r.Steps), r.Ended.Sub(r.Started).Round(time.Millisecond))
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Outcome != Done {
			text += fmt.Sprintf("; %s %s: %s", s.Name, s.Outcome, s.Message)
		}
	}
	if r.Failed != "" {
		text += "; FAILED: " + r.Failed
	}
	return text
}
