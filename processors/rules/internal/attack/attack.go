// SPDX-License-Identifier: Apache-2.0

// Package attack knows the techniques of MITRE ATT&CK that rules may name.
package attack

import (
	_ "embed" // attack.yaml
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed attack.yaml
var list []byte

// Matrix is tactics and the techniques that serve them.
type Matrix struct {
	Tactics    []Tactic    `yaml:"tactics"`
	Techniques []Technique `yaml:"techniques"`
	byID       map[string]*Technique
}

// Tactic is why an attacker does something.
type Tactic struct {
	ID   string `yaml:"id"`
	Key  string `yaml:"key"`
	Name string `yaml:"name"`
}

// Technique is how an attacker does something.
type Technique struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	// Tactics are keys of tactics.
	Tactics []string `yaml:"tactics"`
	// Containers says that it is of the Containers matrix; all others are of Linux.
	Containers bool `yaml:"c"`
}

// Parent is the technique that a sub-technique belongs to, empty for a technique.
func (t *Technique) Parent() string {
	parent, _, isSub := strings.Cut(t.ID, ".")
	if !isSub {
		return ""
	}
	return parent
}

// Load reads the embedded list.
func Load() (*Matrix, error) {
	m := Matrix{byID: map[string]*Technique{}}
	if err := yaml.Unmarshal(list, &m); err != nil {
		return nil, fmt.Errorf("read attack.yaml: %w", err)
	}
	for i := range m.Techniques {
		m.byID[m.Techniques[i].ID] = &m.Techniques[i]
	}
	return &m, nil
}

var form = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)

// Find returns the technique of an id. The error says what is wrong with the id.
func (m *Matrix) Find(id string) (*Technique, error) {
	if !form.MatchString(id) {
		return nil, fmt.Errorf("technique %q: an ATT&CK id looks like T1059 or T1059.004", id)
	}
	t := m.byID[id]
	if t == nil {
		return nil, fmt.Errorf("technique %s: ATT&CK has none of this id for Linux or containers", id)
	}
	return t, nil
}
