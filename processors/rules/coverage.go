// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/nodesec/nodesec/processors/rules/internal/attack"
)

// Coverage tells which techniques of ATT&CK have rules.
type Coverage struct {
	matrix *attack.Matrix
	// rules are the names of the enabled rules by the id of their technique.
	rules map[string][]string
}

// Coverage tells which techniques of ATT&CK have rules that are enabled.
func (r *Rules) Coverage() Coverage {
	c := Coverage{matrix: r.matrix, rules: map[string][]string{}}
	for _, rule := range r.program.Rules {
		if !rule.Enabled {
			continue
		}
		for _, id := range rule.Techniques {
			c.rules[id] = append(c.rules[id], rule.Name)
		}
	}
	return c
}

// of returns the rules of a technique and of its sub-techniques.
func (c *Coverage) of(t *attack.Technique) []string {
	names := slices.Clone(c.rules[t.ID])
	for i := range c.matrix.Techniques {
		if sub := &c.matrix.Techniques[i]; sub.Parent() == t.ID {
			names = append(names, c.rules[sub.ID]...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Table is the matrix in Markdown: techniques by tactic, with the number of rules of each and what they are called. The
// Containers matrix is shown in whole, of Linux what has rules.
func (c *Coverage) Table() string {
	var b strings.Builder
	for _, tactic := range c.matrix.Tactics {
		covered, all := 0, 0
		var rows strings.Builder
		for i := range c.matrix.Techniques {
			t := &c.matrix.Techniques[i]
			names := c.of(t)
			if !slices.Contains(t.Tactics, tactic.Key) || !t.Containers && len(names) == 0 {
				continue
			}
			if t.Containers {
				all++
				covered += min(len(names), 1)
			}
			matrix := "Linux"
			if t.Containers {
				matrix = "Containers"
			}
			fmt.Fprintf(&rows, "| %s | %s | %s | %d | %s |\n", t.ID, t.Name, matrix, len(names), strings.Join(names, ", "))
		}
		fmt.Fprintf(&b, "## %s (%s): %d of %d techniques of the Containers matrix\n\n", tactic.Name, tactic.ID, covered, all)
		if rows.Len() > 0 {
			fmt.Fprintf(&b, "| id | technique | matrix | rules | |\n|---|---|---|---:|---|\n%s\n", rows.String())
		}
	}
	return b.String()
}

// layer is a layer of the ATT&CK Navigator, format 4.5.
type layer struct {
	Name        string            `json:"name"`
	Versions    map[string]string `json:"versions"`
	Domain      string            `json:"domain"`
	Description string            `json:"description"`
	Filters     layerFilters      `json:"filters"`
	Techniques  []layerTechnique  `json:"techniques"`
	Gradient    layerGradient     `json:"gradient"`
}

type layerFilters struct {
	Platforms []string `json:"platforms"`
}

type layerTechnique struct {
	ID      string `json:"techniqueID"`
	Score   int    `json:"score"`
	Comment string `json:"comment"`
	Enabled bool   `json:"enabled"`
	Show    bool   `json:"showSubtechniques"`
}

type layerGradient struct {
	Colors   []string `json:"colors"`
	MinValue int      `json:"minValue"`
	MaxValue int      `json:"maxValue"`
}

// Layer is a layer of the ATT&CK Navigator that scores techniques by the number of their rules.
func (c *Coverage) Layer() ([]byte, error) {
	l := layer{
		Name:        "nodesec rules",
		Versions:    map[string]string{"layer": "4.5", "navigator": "5.1.0"},
		Domain:      "enterprise-attack",
		Description: "Rules of nodesec by technique",
		Filters:     layerFilters{Platforms: []string{"Containers", "Linux"}},
		Gradient:    layerGradient{Colors: []string{"#ffe766", "#8ec843"}, MinValue: 1, MaxValue: 5},
		Techniques:  []layerTechnique{},
	}
	for i := range c.matrix.Techniques {
		t := &c.matrix.Techniques[i]
		names := c.of(t)
		if len(names) == 0 {
			continue
		}
		l.Techniques = append(l.Techniques, layerTechnique{
			ID: t.ID, Score: len(names), Comment: strings.Join(names, ", "), Enabled: true, Show: t.Parent() == "",
		})
	}
	return json.MarshalIndent(l, "", "  ")
}
