// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nodesec/nodesec/lab/scenario"
)

// Record is what happened in a run: the lab's own log, from which the annotations are made and against which data sets
// can be checked.
type Record struct {
	// ID is the run's: the scenario, the seed, and when it began.
	ID       string    `json:"id"`
	Scenario string    `json:"scenario"`
	Seed     uint64    `json:"seed"`
	Node     string    `json:"node"` // the host's name
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	// ClockShift is how far the wall clock was set meanwhile, against the monotonic clock. Windows of a run in which
	// it was set are not exact.
	ClockShift time.Duration `json:"clock_shift_ns"`
	// Marker is the id of the container whose executions mark the beginnings and ends of steps.
	Marker string  `json:"marker"`
	Actors []Actor `json:"actors"`
	Steps  []Step  `json:"steps"`
	// Background is what of the background ended before the run did.
	Background []Background `json:"background,omitempty"`
	// Failed says why the run could not go on; empty if it went to its end.
	Failed string `json:"failed,omitempty"`
}

// Actor is a container that acted.
type Actor struct {
	Name        string    `json:"name"`
	Role        string    `json:"role"`
	ContainerID string    `json:"container_id"`
	Cgroup      string    `json:"cgroup"`
	Made        time.Time `json:"made"`
	Closed      time.Time `json:"closed"`
}

// Step is one window of the ground truth.
type Step struct {
	Name      string            `json:"name"`
	Label     scenario.Label    `json:"label"`
	Technique string            `json:"technique,omitempty"`
	Actor     string            `json:"actor"`
	Action    string            `json:"action"`
	Params    map[string]string `json:"params,omitempty"`
	// Begin is just before the action's process was started, End just after it had ended.
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
	// Since is Begin on the monotonic clock, from the run's start.
	Since time.Duration `json:"since_ns"`
	// Acted is when the action says that it had just done what tells it.
	Acted time.Time `json:"acted,omitzero"`
	// Effect is the tick at which the agent saw the mark of the step's beginning; zero if it saw none.
	Effect time.Time `json:"effect,omitzero"`
	// PID is the action's process on the host; 0 if it ended before it could be looked up.
	PID int `json:"pid,omitempty"`
	// Outcome is done, failed or timeout.
	Outcome string `json:"outcome"`
	Message string `json:"message,omitempty"`
}

// Background is an action of the background that ended.
type Background struct {
	Actor   string    `json:"actor"`
	Action  string    `json:"action"`
	Ended   time.Time `json:"ended"`
	Message string    `json:"message,omitempty"` // why; empty: it was done
}

// The outcomes of a step.
const (
	Done    = "done"
	Failed  = "failed"
	TimeOut = "timeout"
)

// actor returns the actor with the name.
func (r *Record) actor(name string) *Actor {
	for i := range r.Actors {
		if r.Actors[i].Name == name {
			return &r.Actors[i]
		}
	}
	return nil
}

// Write stores the record in the folder, whole or not at all, as <id>.json.
func (r *Record) Write(folder string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder of records: %w", err)
	}
	name := filepath.Join(folder, r.ID+".json")
	if err := os.WriteFile(name+".tmp", append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write a record: %w", err)
	}
	return os.Rename(name+".tmp", name)
}

// ReadRecords reads all records of a folder, in the order of their names.
func ReadRecords(folder string) ([]*Record, error) {
	files, err := fs.Glob(os.DirFS(folder), "*.json")
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read records of the lab: there are none in %s", folder)
	}
	records := make([]*Record, len(files))
	var errs []error
	for i, file := range files {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err == nil {
			records[i] = &Record{}
			err = json.Unmarshal(text, records[i])
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read the record %s: %w", file, err))
		}
	}
	return records, errors.Join(errs...)
}
