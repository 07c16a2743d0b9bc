// SPDX-License-Identifier: Apache-2.0

// Package annotation is ground truth: what a person or the lab says was going on, when, and where. Annotations are kept
// apart from the samples, rows are only ever added, and both are joined when the data set is read.
package annotation

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// Label says what kind of thing was going on.
type Label string

// The labels. Where annotations of several labels cover a sample, the one that stands first here wins.
const (
	Attack   Label = "attack"
	Overload Label = "overload" // more load than the entity can take, by nobody's ill will
	Admin    Label = "admin"    // a person at work: hard to tell from an attack
	Benign   Label = "benign"
)

// Labels returns all labels, the strongest first.
func Labels() []Label { return []Label{Attack, Overload, Admin, Benign} }

// Annotation is one window of ground truth, or the retraction of an earlier one.
type Annotation struct {
	// ID is unique. Add it with NewID before a first attempt to insert, so that a second one does no harm.
	ID string `yaml:"id,omitempty"`
	// Run, Scenario and Step name the experiment that the window is part of.
	Run      string `yaml:"run,omitempty"`
	Scenario string `yaml:"scenario,omitempty"`
	Step     string `yaml:"step,omitempty"`
	// Technique is an id of ATT&CK, as T1059.004.
	Technique string `yaml:"technique,omitempty"`
	Label     Label  `yaml:"label,omitempty"`
	// The window is [Start, End). Times are kept in microseconds.
	Start time.Time `yaml:"t_start,omitempty"`
	End   time.Time `yaml:"t_end,omitempty"`
	// Effect is the tick in which the data show the step for the first time; zero if unknown. Far from Start, the
	// clocks or the labels are off.
	Effect   time.Time `yaml:"t_effect,omitempty"`
	Selector `yaml:",inline"`
	// Role of the entity, as attacker or victim.
	Role string `yaml:"role,omitempty"`
	// Outcome of the step, as done, refused, failed.
	Outcome string `yaml:"outcome,omitempty"`
	// Source is what wrote the annotation: lab, or person.
	Source string `yaml:"source,omitempty"`
	Author string `yaml:"author,omitempty"`
	Note   string `yaml:"note,omitempty"`
	// Created is when the row was written; zero means now.
	Created time.Time `yaml:"created_at,omitempty"`
	// Retracts is the ID of an earlier annotation that is no longer true; then the rest but ID, Author, Note, Source
	// and Created is empty.
	Retracts string `yaml:"retracts,omitempty"`
}

// Selector says which entities an annotation is about: those of which all given fields are true. docs/datasets.md tells
// how it is applied to entities that do not have all of the fields.
type Selector struct {
	Cluster   string `yaml:"cluster,omitempty"`
	Node      string `yaml:"node,omitempty"`
	Namespace string `yaml:"namespace,omitempty"`
	Workload  string `yaml:"workload,omitempty"`
	Pod       string `yaml:"pod,omitempty"` // name or UID
	// Container is its name, its ID or its cgroup path.
	Container string `yaml:"container,omitempty"`
	PID       uint32 `yaml:"pid,omitempty"`
}

// Level is how deep a selector reaches: the deeper, the more specific.
type Level uint8

// The levels.
const (
	LevelNone Level = iota
	LevelNode
	LevelPod
	LevelContainer
	LevelProcess
)

// Level returns the level of the deepest field that is given.
func (s *Selector) Level() Level {
	switch {
	case s.PID != 0:
		return LevelProcess
	case s.Container != "":
		return LevelContainer
	case s.Pod != "" || s.Workload != "" || s.Namespace != "":
		return LevelPod
	case s.Node != "" || s.Cluster != "":
		return LevelNode
	}
	return LevelNone
}

// mayMeet reports whether an entity may be selected by both.
func (s *Selector) mayMeet(other *Selector) bool {
	for _, pair := range [][2]string{
		{s.Cluster, other.Cluster}, {s.Node, other.Node}, {s.Namespace, other.Namespace}, {s.Workload, other.Workload},
		{s.Pod, other.Pod}, {s.Container, other.Container},
	} {
		if pair[0] != "" && pair[1] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return s.PID == 0 || other.PID == 0 || s.PID == other.PID
}

// NewID returns an ID that no other annotation has.
func NewID() string { return strings.ToLower(rand.Text()) }

// String returns the fields that are given.
func (s *Selector) String() string {
	var fields []string
	for _, f := range [][2]string{
		{"cluster", s.Cluster}, {"node", s.Node}, {"namespace", s.Namespace}, {"workload", s.Workload}, {"pod", s.Pod},
		{"container", s.Container},
	} {
		if f[1] != "" {
			fields = append(fields, f[0]+"="+f[1])
		}
	}
	if s.PID != 0 {
		fields = append(fields, fmt.Sprintf("pid=%d", s.PID))
	}
	return strings.Join(fields, " ")
}
