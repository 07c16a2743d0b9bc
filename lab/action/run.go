// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nodesec/nodesec/lab/actor"
)

// actVariable names the environment variable that makes a process do an action: it holds a task.
const actVariable = "NODESEC_LAB_ACT"

type task struct {
	Action string `json:"action"`
	Values Values `json:"values"`
}

// told is a line that the child writes on its standard output.
type told struct {
	Effect int64  `json:"effect,omitempty"` // Unix time in ns
	Failed string `json:"failed,omitempty"`
}

// Running is an action that has been started.
type Running struct {
	Process *actor.Process
	Started time.Time

	action *Action
	result chan Outcome
}

// Outcome tells how an action went.
type Outcome struct {
	Started time.Time `json:"started"`
	// Effect is when what tells the action had just happened: it falls into the tick that ends next. With actions that do
	// something again and again it is when they had done enough of it.
	Effect time.Time `json:"effect"`
	Ended  time.Time `json:"ended"`
	// Failed says why it could not be done; empty: it was done. That an attack was warded off is no failure.
	Failed string `json:"failed,omitempty"`
}

// Start starts the action in the actor, which must have what the action needs.
func (a *Action) Start(ctx context.Context, in *actor.Actor, values Values) (*Running, error) {
	values, err := a.Complete(values)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	var p actor.Program
	if a.program != nil {
		p = a.program(values)
	} else {
		text, err := json.Marshal(task{a.Name, values})
		if err != nil {
			return nil, err
		}
		p = actor.Program{Path: actor.Self, Args: []string{"lab", "act", a.Name}, Env: []string{actVariable + "=" + string(text)},
			Stdout: write}
	}
	r := &Running{action: a, Started: time.Now(), result: make(chan Outcome, 1)}
	r.Process, err = in.Start(ctx, p)
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return nil, fmt.Errorf("act %s: %w", a.Name, err)
	}
	go func() { r.result <- r.listen(read) }()
	return r, nil
}

// listen hears what the child tells until its end.
func (r *Running) listen(read *os.File) Outcome {
	defer func() { _ = read.Close() }()
	o := Outcome{Started: r.Started}
	for lines := json.NewDecoder(read); ; {
		var t told
		if err := lines.Decode(&t); err != nil {
			if !errors.Is(err, io.EOF) {
				o.Failed = fmt.Sprintf("what it told is not readable: %v", err)
			}
			break
		}
		if t.Effect != 0 {
			o.Effect = time.Unix(0, t.Effect)
		}
		if t.Failed != "" {
			o.Failed = t.Failed
		}
	}
	o.Ended = time.Now()
	return o
}

// Wait waits for the end of the action, or kills it when the context is done first.
func (r *Running) Wait(ctx context.Context) (Outcome, error) {
	status, err := r.Process.Wait(ctx)
	o := <-r.result
	if o.Effect.IsZero() {
		o.Effect = time.Now()
	}
	o.Ended = time.Now()
	if o.Failed == "" && r.action.program == nil && status != 0 {
		o.Failed = fmt.Sprintf("it ended with status %d", status)
	}
	return o, err
}

// RunChildIfAsked does an action when this process was started for that, and then does not return. Otherwise it does
// nothing. It must come first in main, or TestMain, of programs that start actions, as actor.RunChildIfAsked must.
func RunChildIfAsked() {
	text := os.Getenv(actVariable)
	if text == "" {
		return
	}
	report := json.NewEncoder(os.Stdout)
	if err := runChild(text, report); err != nil {
		_ = report.Encode(told{Failed: err.Error()})
	}
	os.Exit(0)
}

func runChild(text string, report *json.Encoder) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("decode %s: %w", actVariable, err)
	}
	if err := os.Unsetenv(actVariable); err != nil {
		return err
	}
	a, err := Find(t.Action)
	if err != nil {
		return err
	}
	s := &scene{Values: t.Values, report: report}
	defer s.tidy()
	if err := a.act(s); err != nil {
		return err
	}
	if !s.effected {
		s.effect()
	}
	return nil
}
