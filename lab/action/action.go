// SPDX-License-Identifier: Apache-2.0

// Package action is the catalogue of what can be done in an actor: attacks as they look to a sensor, and what people and
// machines do every day. All are harmless by construction: an actor's network is loopback, its files are in memory, its
// memory, processors, processes and time are bounded; system calls that could change the kernel get arguments with which
// they fail, which counts all the same.
//
// An action runs as a child of the actor's process 1: this program itself, under another task.
package action

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodesec/nodesec/lab/actor"
)

// Role tells what an action is labelled as.
type Role string

// The roles.
const (
	Attack Role = "attack"
	Benign Role = "benign"
)

// Action is something to do.
type Action struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Role        Role        `json:"role"`
	Techniques  []string    `json:"techniques,omitempty"` // of ATT&CK
	Parameters  []Parameter `json:"parameters,omitempty"`
	// Needs is what the actor must have, see Prepare.
	Needs Needs `json:"needs"`

	act func(*scene) error // inside the actor
	// program is what to run in place of act.
	program func(Values) actor.Program
}

// Needs is what an actor must have for an action.
type Needs struct {
	Privileged bool              `json:"privileged,omitempty"`
	Programs   map[string]string `json:"programs,omitempty"` // as in actor.Config
	Files      map[string]string `json:"-"`                  // likewise
	PIDs       int               `json:"pids,omitempty"`     // at least so many
	// Host are programs that the host must have: paths, or patterns of which one must be there.
	Host []string `json:"host,omitempty"`
	// Peer names an action that runs in another actor, whose network this action's actor must share.
	Peer string `json:"peer,omitempty"`
}

// Parameter changes an action within bounds.
type Parameter struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Default     string   `json:"default"`
	Choices     []string `json:"choices,omitempty"` // the values that it can have; none: a whole number
	Least       int      `json:"least,omitempty"`
	Most        int      `json:"most,omitempty"`
}

// Values are the parameters of one run by name; those that are not there have their default.
type Values map[string]string

// Prepare gives a configuration what the action needs.
func (a *Action) Prepare(cfg *actor.Config) {
	cfg.Privileged = cfg.Privileged || a.Needs.Privileged
	cfg.Programs = union(a.Needs.Programs, cfg.Programs)
	cfg.Files = union(a.Needs.Files, cfg.Files)
	if cfg.Limits.PIDs < a.Needs.PIDs {
		cfg.Limits.PIDs = a.Needs.PIDs
	}
}

// Complete checks the values and returns them with the defaults of those that are not there.
func (a *Action) Complete(values Values) (Values, error) {
	all, known := Values{}, map[string]bool{}
	var failed []error
	for _, p := range a.Parameters {
		known[p.Name] = true
		value, given := values[p.Name]
		if !given {
			value = p.Default
		}
		if err := p.check(value); err != nil {
			failed = append(failed, fmt.Errorf("%s: %s: %w", a.Name, p.Name, err))
		}
		all[p.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !known[name] {
			failed = append(failed, fmt.Errorf("%s: there is no parameter %q", a.Name, name))
		}
	}
	return all, errors.Join(failed...)
}

func (p *Parameter) check(value string) error {
	if len(p.Choices) > 0 {
		if !slices.Contains(p.Choices, value) {
			return fmt.Errorf("must be one of %s, got %q", strings.Join(p.Choices, ", "), value)
		}
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < p.Least || n > p.Most {
		return fmt.Errorf("must be a number from %d to %d, got %q", p.Least, p.Most, value)
	}
	return nil
}

// number is the value of a parameter that has been checked.
func (v Values) number(name string) int {
	n, _ := strconv.Atoi(v[name])
	return n
}

func (v Values) seconds(name string) time.Duration { //nolint:unparam // as number
	return time.Duration(v.number(name)) * time.Second
}

// All are the actions in the order of their names.
func All() []*Action {
	all := slices.Concat(executions(), processes(), persistent(), readings(), changes(), callActions(), connections(), traffic(),
		resourceActions(), benign(), loads(), webActions(), workActions())
	slices.SortFunc(all, func(a, b *Action) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find returns the action of the name.
func Find(name string) (*Action, error) {
	for _, a := range All() {
		if a.Name == name {
			return a, nil
		}
	}
	return nil, fmt.Errorf("there is no action %q", name)
}

func count(description string, value, least, most int) Parameter {
	return numeric("count", description, value, least, most)
}

func numeric(name, description string, value, least, most int) Parameter {
	return Parameter{Name: name, Description: description, Default: strconv.Itoa(value), Least: least, Most: most}
}

// choice is a parameter whose first choice is the default.
func choice(name, description string, choices ...string) Parameter {
	return Parameter{Name: name, Description: description, Default: choices[0], Choices: choices}
}
