// SPDX-License-Identifier: Apache-2.0

// Package scenario has what the lab runs: scenarios written as YAML, and the plan that a seed makes of one.
package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Label says what a window of time is: the ground truth of the samples in it.
type Label string

// The labels that a scenario and its steps can have.
const (
	Attack   Label = "attack"
	Benign   Label = "benign"
	Overload Label = "overload" // too much work, by no one's ill will
	Admin    Label = "admin"    // what an operator does, much like an attacker
)

// Scenario is something that happens on a node: actors, what they do all the time, and steps one after the other.
type Scenario struct {
	// Name is the file's name without .yaml.
	Name string `yaml:"-"`
	// Description says in a sentence or two what happens and what is hard about it.
	Description string `yaml:"description"`
	// Label is that of the steps that have none of their own.
	Label Label `yaml:"label"`
	// Lead and Trail are the quiet before the first step and after the last, 3s and 3s by default: samples of the
	// same containers without the steps.
	Lead  time.Duration `yaml:"lead"`
	Trail time.Duration `yaml:"trail"`
	// Actors are where the steps happen, each a container of its own.
	Actors []Actor `yaml:"actors"`
	// Background is what actors do for the whole of the scenario.
	Background []Work `yaml:"background"`
	// Steps follow each other.
	Steps []Step `yaml:"steps"`
}

// Actor is a container that the scenario makes.
type Actor struct {
	Name string `yaml:"name"`
	// Role is attacker, victim or bystander.
	Role string `yaml:"role"`
	// CPU is in cores, 1 by default.
	CPU float64 `yaml:"cpu"`
	// Memory is in MiB, 256 by default.
	Memory int `yaml:"memory"`
	// PIDs is the most tasks, 256 by default.
	PIDs int `yaml:"pids"`
}

// Work is an action with its parameters.
type Work struct {
	// Actor is the first one by default.
	Actor string `yaml:"actor"`
	// Action names one of the lab's actions; `nodesecctl lab list --actions` lists them.
	Action string `yaml:"action"`
	// Params are the action's parameters. A list is a choice and a text like 10..50 a range of whole numbers: the
	// seed takes one of them.
	Params map[string]Param `yaml:"params"`
}

// Step is one thing that an actor does, and a window of the ground truth.
type Step struct {
	Name string `yaml:"name"`
	// Technique is the id in ATT&CK; attacks must have one.
	Technique string `yaml:"technique"`
	// Label is the scenario's where it is empty.
	Label Label `yaml:"label"`
	Work  `yaml:",inline"`
	// After is the pause before the step, and Jitter how much longer it may be.
	After  time.Duration `yaml:"after"`
	Jitter time.Duration `yaml:"jitter"`
	// Repeat is how often the step is done, each time a window of its own: a number or a range. Once by default.
	Repeat Param `yaml:"repeat"`
	// Timeout ends a step that does not end, 30s by default.
	Timeout time.Duration `yaml:"timeout"`
}

// The defaults, and what a scenario may ask of the host at most.
const (
	defaultQuiet   = 3 * time.Second
	defaultTimeout = 30 * time.Second
	defaultCPU     = 1
	defaultMemory  = 256
	defaultPIDs    = 256

	maxTimeout = 10 * time.Minute
	maxCPU     = 2
	maxMemory  = 1024
	maxPIDs    = 1024
	maxRepeat  = 100
)

var (
	validName      = regexp.MustCompile(`^[a-z][a-z0-9-]{1,62}$`)
	validTechnique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
)

// Load reads all scenarios of a folder, in the order of their names. An error names the file and what is wrong in it.
func Load(folder fs.FS) ([]*Scenario, error) {
	files, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	var all []*Scenario
	var errs []error
	for _, file := range files {
		text, err := fs.ReadFile(folder, file)
		if err != nil {
			return nil, fmt.Errorf("read a scenario: %w", err)
		}
		s, err := Parse(strings.TrimSuffix(path.Base(file), ".yaml"), text)
		errs = append(errs, err)
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}

// Parse reads one scenario and checks all that can be checked without knowing the actions.
func Parse(name string, text []byte) (*Scenario, error) {
	s := &Scenario{Name: name}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(s); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	s.fill()
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	return s, nil
}

// fill gives what was left out its default.
func (s *Scenario) fill() {
	setDefault(&s.Lead, defaultQuiet)
	setDefault(&s.Trail, defaultQuiet)
	for i := range s.Actors {
		a := &s.Actors[i]
		setDefault(&a.Role, "victim")
		setDefault(&a.CPU, defaultCPU)
		setDefault(&a.Memory, defaultMemory)
		setDefault(&a.PIDs, defaultPIDs)
	}
	first := ""
	if len(s.Actors) > 0 {
		first = s.Actors[0].Name
	}
	for i := range s.Background {
		setDefault(&s.Background[i].Actor, first)
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		setDefault(&step.Actor, first)
		setDefault(&step.Label, s.Label)
		setDefault(&step.Timeout, defaultTimeout)
		setDefault(&step.Name, step.Action)
		if step.Repeat.values == nil {
			step.Repeat = Param{values: []string{"1"}}
		}
	}
}

func setDefault[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}

// validate finds everything that is wrong, not only the first.
func (s *Scenario) validate() error {
	var errs []error
	wrong := func(key, rule string, got any) {
		errs = append(errs, fmt.Errorf("%s: must be %s, got %v", key, rule, got))
	}
	if !validName.MatchString(s.Name) {
		wrong("file name", "letters, digits and hyphens", s.Name)
	}
	if s.Description == "" {
		wrong("description", "a sentence", `""`)
	}
	if len(s.Actors) == 0 || len(s.Steps) == 0 {
		wrong("actors and steps", "at least one each", fmt.Sprintf("%d and %d", len(s.Actors), len(s.Steps)))
	}
	names := map[string]bool{}
	for i, a := range s.Actors {
		key := fmt.Sprintf("actors[%d]", i)
		if !validName.MatchString(a.Name) || names[a.Name] {
			wrong(key+".name", "a name that no other actor has", a.Name)
		}
		names[a.Name] = true
		a.validate(key, wrong)
	}
	for i, w := range s.Background {
		if !names[w.Actor] {
			wrong(fmt.Sprintf("background[%d].actor", i), "one of the actors", w.Actor)
		}
	}
	for i, step := range s.Steps {
		key := fmt.Sprintf("steps[%d]", i)
		if !names[step.Actor] {
			wrong(key+".actor", "one of the actors", step.Actor)
		}
		step.validate(key, wrong)
	}
	return errors.Join(errs...)
}

func (a Actor) validate(key string, wrong func(key, rule string, got any)) {
	if !slices.Contains([]string{"attacker", "victim", "bystander"}, a.Role) {
		wrong(key+".role", "attacker, victim or bystander", a.Role)
	}
	if a.CPU < 0.01 || a.CPU > maxCPU {
		wrong(key+".cpu", fmt.Sprintf("0.01 to %d cores", maxCPU), a.CPU)
	}
	if a.Memory < 8 || a.Memory > maxMemory {
		wrong(key+".memory", fmt.Sprintf("8 to %d MiB", maxMemory), a.Memory)
	}
	if a.PIDs < 4 || a.PIDs > maxPIDs {
		wrong(key+".pids", fmt.Sprintf("4 to %d", maxPIDs), a.PIDs)
	}
}

func (step Step) validate(key string, wrong func(key, rule string, got any)) {
	if !validName.MatchString(step.Name) {
		wrong(key+".name", "letters, digits and hyphens", step.Name)
	}
	if step.Action == "" {
		wrong(key+".action", "the name of an action", `""`)
	}
	if !slices.Contains([]Label{Attack, Benign, Overload, Admin}, step.Label) {
		wrong(key+".label", "attack, benign, overload or admin", step.Label)
	}
	if (step.Label == Attack || step.Technique != "") && !validTechnique.MatchString(step.Technique) {
		wrong(key+".technique", "an id of ATT&CK such as T1059.004", fmt.Sprintf("%q", step.Technique))
	}
	if step.Timeout < 0 || step.Timeout > maxTimeout {
		wrong(key+".timeout", "at most "+maxTimeout.String(), step.Timeout)
	}
	if step.After < 0 || step.Jitter < 0 {
		wrong(key+".after and jitter", "no less than 0", fmt.Sprintf("%v and %v", step.After, step.Jitter))
	}
	for _, value := range []int{step.Repeat.least(), step.Repeat.most()} {
		if value < 1 || value > maxRepeat {
			wrong(key+".repeat", fmt.Sprintf("1 to %d, or a range of these", maxRepeat), step.Repeat)
			break
		}
	}
}

// Techniques lists the techniques of the attack's steps, each once, in their order.
func (s *Scenario) Techniques() []string {
	var ids []string
	for _, step := range s.Steps {
		if step.Technique != "" && !slices.Contains(ids, step.Technique) {
			ids = append(ids, step.Technique)
		}
	}
	return ids
}
