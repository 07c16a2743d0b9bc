// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxNames is how many groups are named that something would help.
const maxNames = 4

// WriteText writes the report for people: a table of the groups with the reasons in short, then what would help, once.
func (r *Report) WriteText(w io.Writer, verbose bool) error {
	var b strings.Builder
	h := &r.Host
	fmt.Fprintf(&b, "Linux %s, user %d, root %s, cgroups %s, BTF %s, lockdown %s, unprivileged_bpf_disabled %d\n\n",
		h.Kernel, h.User, h.Root, orNone(h.Cgroups), yes(h.BTF), orNone(h.Lockdown), h.UnprivilegedBPF)
	r.writeGroups(&b)
	r.writeHelp(&b)
	r.writeCapabilities(&b)
	r.writeMounts(&b)
	if verbose {
		r.writeDetails(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table aligns the columns; the last may be as wide as it likes.
func table(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

func (r *Report) writeGroups(b *strings.Builder) {
	rows := [][]string{{"group", "state", "features", "why", "source"}}
	for i := range r.Groups {
		g := &r.Groups[i]
		n := fmt.Sprint(g.Features)
		if g.Of > 0 {
			n = fmt.Sprintf("%d of %d", g.Features, g.Of)
		}
		rows = append(rows, []string{g.Name, string(g.State), n, "", g.Source})
		for j, reason := range g.Reasons {
			if j > 0 {
				rows = append(rows, make([]string, len(rows[0])))
			}
			rows[len(rows)-1][3] = reason.Why
		}
	}
	table(b, rows)
}

// writeHelp writes what would help, each once with the groups that it helps.
func (r *Report) writeHelp(b *strings.Builder) {
	var order []string
	helped := map[string][]string{}
	for i := range r.Groups {
		for _, reason := range r.Groups[i].Reasons {
			if reason.Help == "" {
				continue
			}
			if helped[reason.Help] == nil {
				order = append(order, reason.Help)
			}
			if name := r.Groups[i].Name; !slices.Contains(helped[reason.Help], name) {
				helped[reason.Help] = append(helped[reason.Help], name)
			}
		}
	}
	if len(order) > 0 {
		b.WriteString("\nwhat would help\n")
	}
	for _, help := range order {
		names := helped[help]
		if more := len(names) - maxNames; more > 1 {
			names = append(names[:maxNames:maxNames], fmt.Sprintf("and %d more", more))
		}
		fmt.Fprintf(b, "  %s\n      for %s\n", help, strings.Join(names, ", "))
	}
}

func (r *Report) writeCapabilities(b *strings.Builder) {
	rows := [][]string{{"capability", "effective", "needed", "without it"}}
	for _, c := range r.Capabilities {
		rows = append(rows, []string{c.Name, yes(c.Effective), yes(c.Needed), c.Without})
	}
	b.WriteString("\n")
	table(b, rows)
}

func (r *Report) writeMounts(b *strings.Builder) {
	rows := [][]string{{"mount", "state", "for", "why"}}
	for _, m := range r.Mounts {
		rows = append(rows, []string{m.Path, string(m.State), m.For, m.Why})
	}
	b.WriteString("\n")
	table(b, rows)
}

func (r *Report) writeDetails(b *strings.Builder) {
	seen := map[string]bool{}
	for i := range r.Groups {
		for _, reason := range r.Groups[i].Reasons {
			if reason.Detail != "" && !seen[reason.Detail] {
				fmt.Fprintf(b, "\n%s: %s\n%s\n", r.Groups[i].Name, reason.Why, reason.Detail)
				seen[reason.Detail] = true
			}
		}
	}
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
