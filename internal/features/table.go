// SPDX-License-Identifier: Apache-2.0

package features

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nodesec/nodesec/internal/feature"
)

func scopes() []string { return []string{"node", "container", "process"} }

// Page is docs/features.md.
func Page(receivers []Receiver) string {
	var b strings.Builder
	b.WriteString("<!-- Made by make generate; do not edit. -->\n\n# Features\n\n" +
		"Every feature that is on by default: its name, which is that of its column in ClickHouse; the entities that have\n" +
		"it (**n**ode, **c**ontainer, **p**rocess); its unit; whether it is a counter, which tells what happened in the window of\n" +
		"the sample, or a gauge; what it means. What a host or a kernel does not tell is missing from its samples.\n\n" +
		Summary(receivers))
	for _, r := range receivers {
		fmt.Fprintf(&b, "\n## %s\n\nDescribed in [its README](../receivers/%[1]s/README.md).\n", r.Name)
		if len(r.Off) > 0 {
			fmt.Fprintf(&b, "Off by default: `%s`.\n", strings.Join(r.Off, "`, `"))
		}
		for _, group := range r.groups() {
			fmt.Fprintf(&b, "\n### %s\n\n| feature | of | unit | kind | meaning |\n|---|---|---|---|---|\n", group)
			for _, d := range r.Features {
				if d.Group == group {
					b.WriteString(row(&d))
				}
			}
		}
	}
	return b.String()
}

func row(d *feature.Description) string {
	kind := "gauge"
	if d.Counter {
		kind = "counter"
	}
	of := ""
	for _, scope := range scopes() {
		if slices.Contains(d.Scopes, scope) {
			of += " " + scope[:1]
		}
	}
	return fmt.Sprintf("| `%s` |%s | %s | %s | %s |\n", d.Name, of, d.Unit, kind, strings.ReplaceAll(d.Text, "|", `\|`))
}

func (r *Receiver) groups() (names []string) {
	for _, d := range r.Features {
		if !slices.Contains(names, d.Group) {
			names = append(names, d.Group)
		}
	}
	return names
}

func (r *Receiver) count(group, scope string) (n int) {
	for _, d := range r.Features {
		if (group == "" || d.Group == group) && slices.Contains(d.Scopes, scope) {
			n++
		}
	}
	return n
}

// Count is how many features entities of a scope have. Quality is told by several receivers, under the same names.
func Count(receivers []Receiver, scope string) int {
	names := map[string]bool{}
	for _, r := range receivers {
		for _, d := range r.Features {
			if slices.Contains(d.Scopes, scope) {
				names[d.Name] = true
			}
		}
	}
	return len(names)
}

// Summary is a table of how many features there are of each group and scope.
func Summary(receivers []Receiver) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| receiver | group | %s |\n|---|---|%s\n", strings.Join(scopes(), " | "), strings.Repeat("---:|", len(scopes())))
	line := func(receiver, group string, count func(scope string) int) {
		fmt.Fprintf(&b, "| %s | %s |", receiver, group)
		for _, scope := range scopes() {
			n := ""
			if c := count(scope); c > 0 {
				n = fmt.Sprint(c)
			}
			fmt.Fprintf(&b, " %s |", n)
		}
		b.WriteString("\n")
	}
	for _, r := range receivers {
		for i, group := range r.groups() {
			name := ""
			if i == 0 {
				name = r.Name
			}
			line(name, group, func(scope string) int { return r.count(group, scope) })
		}
	}
	line("**all**", "", func(scope string) int { return Count(receivers, scope) })
	return b.String()
}

// The marks in the README between which the summary is.
const (
	begin = "<!-- features: made by make generate -->\n"
	end   = "<!-- features end -->\n"
)

// Insert returns the README with the summary in its place.
func Insert(readme, summary string) (string, error) {
	before, rest, found := strings.Cut(readme, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", errors.New("insert the table of features into README.md: the marks are not there")
	}
	return before + begin + summary + end + after, nil
}
