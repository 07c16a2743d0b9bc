// SPDX-License-Identifier: Apache-2.0

// Package runner carries out plans of scenarios: it makes the actors, does the steps, and writes down what really happened.
package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/actor"
	"github.com/nodesec/nodesec/lab/scenario"
)

// maxRun is the longest that an actor lives, whatever a scenario says.
const maxRun = 30 * time.Minute

// Runner carries out plans, several at the same time if it is asked to.
type Runner struct {
	stage  *actor.Stage
	marker *marker
	node   string
}

// New makes a runner; the stage must stay open as long as it is used.
func New(ctx context.Context, stage *actor.Stage) (*Runner, error) {
	node, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find the name of this host: %w", err)
	}
	m, err := newMarker(ctx, stage)
	if err != nil {
		return nil, err
	}
	return &Runner{stage: stage, marker: m, node: node}, nil
}

// Close ends the container of marks.
func (r *Runner) Close() error { return r.marker.actor.Close() }

// Marks are the moments that were marked so far, of all runs.
func (r *Runner) Marks() []time.Time {
	r.marker.mu.Lock()
	defer r.marker.mu.Unlock()
	return append([]time.Time(nil), r.marker.marks...)
}

// Marker is the id of the container of marks.
func (r *Runner) Marker() string { return r.marker.actor.ID }

// NewRecord is the record of a run that has not begun. Its ID says which run it is.
func (r *Runner) NewRecord(plan scenario.Plan, now time.Time) *Record {
	return &Record{
		ID:       fmt.Sprintf("%s-%d-%s", plan.Scenario.Name, plan.Seed, now.UTC().Format("20060102T150405.000")),
		Scenario: plan.Scenario.Name, Seed: plan.Seed, Node: r.node, Marker: r.marker.actor.ID, Started: now,
	}
}

// Run carries the plan out and writes it into the record. A step that fails is part of the record and no error; an
// error is what kept the scenario from its end, and is in the record, too. All actors are gone when Run returns.
func (r *Runner) Run(ctx context.Context, plan scenario.Plan, record *Record) (err error) {
	ctx, cancel := context.WithTimeout(ctx, maxRun)
	defer cancel()
	act := &performance{runner: r, record: record, actors: map[string]*actor.Actor{}, monotonic: time.Now()}
	defer func() {
		err = errors.Join(err, act.end())
		if err != nil {
			record.Failed = err.Error()
		}
	}()
	if err := act.makeActors(ctx, plan); err != nil {
		return err
	}
	if err := act.startBackground(ctx, plan.Background); err != nil {
		return err
	}
	if err := pause(ctx, plan.Scenario.Lead); err != nil {
		return err
	}
	for _, task := range plan.Steps {
		if err := act.step(ctx, task); err != nil {
			return err
		}
	}
	return pause(ctx, plan.Scenario.Trail)
}

// performance is one run under way.
type performance struct {
	runner     *Runner
	record     *Record
	actors     map[string]*actor.Actor
	monotonic  time.Time // the start, with Go's monotonic reading
	background sync.WaitGroup
	closing    atomic.Bool
	mu         sync.Mutex // guards record.Background
}

// makeActors makes all actors, each with what its actions need. They share one network, as the containers of a pod do: a
// victim can be reached at 127.0.0.1, and nothing else can.
func (p *performance) makeActors(ctx context.Context, plan scenario.Plan) error {
	var first *actor.Actor
	for _, wanted := range plan.Scenario.Actors {
		cfg := actor.Config{
			Name:      wanted.Name,
			NetworkOf: first,
			Limits:    actor.Limits{CPUs: wanted.CPU, Memory: int64(wanted.Memory) << 20, PIDs: wanted.PIDs, Time: maxRun},
		}
		if err := prepare(&cfg, plan, wanted.Name); err != nil {
			return err
		}
		a, err := p.runner.stage.New(ctx, cfg)
		if err != nil {
			return err
		}
		if first == nil {
			first = a
		}
		p.actors[wanted.Name] = a
		p.record.Actors = append(p.record.Actors, Actor{
			Name: wanted.Name, Role: wanted.Role, ContainerID: a.ID, Cgroup: a.Cgroup, Made: a.Made,
		})
	}
	return nil
}

// prepare gives an actor's configuration what its actions need.
func prepare(cfg *actor.Config, plan scenario.Plan, name string) error {
	for _, task := range slices.Concat(plan.Background, plan.Steps) {
		if task.Actor != name {
			continue
		}
		a, err := action.Find(task.Action)
		if err != nil {
			return err
		}
		a.Prepare(cfg)
	}
	return nil
}

// start starts the action of a task.
func (p *performance) start(ctx context.Context, task scenario.Task) (*action.Running, error) {
	a, err := action.Find(task.Action)
	if err != nil {
		return nil, err
	}
	return a.Start(ctx, p.actors[task.Actor], task.Params)
}

// startBackground starts what goes on all the time. What of it ends too early is recorded.
func (p *performance) startBackground(ctx context.Context, tasks []scenario.Task) error {
	for _, task := range tasks {
		running, err := p.start(ctx, task)
		if err != nil {
			return fmt.Errorf("start the background: %w", err)
		}
		p.background.Go(func() {
			outcome, err := running.Wait(context.WithoutCancel(ctx)) // ends with its actor
			if p.closing.Load() {
				return
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.record.Background = append(p.record.Background, Background{
				Actor: task.Actor, Action: task.Action, Ended: outcome.Ended, Message: message(outcome, err),
			})
		})
	}
	return nil
}

// message says why an action did not do what it should have done; empty: it did.
func message(outcome action.Outcome, err error) string {
	if err != nil {
		return err.Error()
	}
	return outcome.Failed
}

// step does one task and records its window.
func (p *performance) step(ctx context.Context, task scenario.Task) error {
	if err := pause(ctx, task.Wait); err != nil {
		return err
	}
	begin, err := p.runner.marker.mark(ctx)
	if err != nil {
		return err
	}
	step := Step{
		Name: task.Step, Label: task.Label, Technique: task.Technique, Actor: task.Actor, Action: task.Action,
		Params: task.Params, Begin: begin, Since: begin.Sub(p.monotonic),
	}
	p.do(ctx, task, &step)
	step.End = time.Now()
	p.record.Steps = append(p.record.Steps, step)
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err = p.runner.marker.mark(ctx)
	return err
}

// do starts the action, waits for its end, and says how it went.
func (p *performance) do(ctx context.Context, task scenario.Task, step *Step) {
	step.Outcome = Failed
	running, err := p.start(ctx, task)
	if err != nil {
		step.Message = err.Error()
		return
	}
	step.PID, _ = running.Process.HostPID()
	limit, cancel := context.WithTimeout(ctx, task.Timeout)
	defer cancel()
	outcome, err := running.Wait(limit)
	step.Acted = outcome.Effect
	step.Message = message(outcome, err)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		step.Outcome, step.Message = TimeOut, "stopped after "+task.Timeout.String()
	case step.Message == "":
		step.Outcome = Done
	}
}

// end closes the actors, all at the same time, and finishes the record.
func (p *performance) end() error {
	p.closing.Store(true)
	failed := make([]error, len(p.record.Actors))
	var wg sync.WaitGroup
	for i := range p.record.Actors {
		a := &p.record.Actors[i]
		wg.Go(func() {
			failed[i] = p.actors[a.Name].Close()
			a.Closed = time.Now()
		})
	}
	wg.Wait()
	p.background.Wait()
	p.record.Ended = time.Now()
	wall := p.record.Ended.Round(0).Sub(p.record.Started.Round(0))
	p.record.ClockShift = wall - p.record.Ended.Sub(p.record.Started)
	return errors.Join(failed...)
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
