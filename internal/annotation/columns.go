// SPDX-License-Identifier: Apache-2.0

package annotation

// textColumn is a column that holds a text, and where an annotation has it.
type textColumn struct {
	name string
	text func(*Annotation) *string
}

// textColumns returns the columns that hold texts.
func textColumns() []textColumn {
	return []textColumn{
		{"id", func(a *Annotation) *string { return &a.ID }},
		{"run", func(a *Annotation) *string { return &a.Run }},
		{"scenario", func(a *Annotation) *string { return &a.Scenario }},
		{"step", func(a *Annotation) *string { return &a.Step }},
		{"technique", func(a *Annotation) *string { return &a.Technique }},
		{"label", func(a *Annotation) *string { return (*string)(&a.Label) }},
		{"cluster", func(a *Annotation) *string { return &a.Cluster }},
		{"node", func(a *Annotation) *string { return &a.Node }},
		{"namespace", func(a *Annotation) *string { return &a.Namespace }},
		{"workload", func(a *Annotation) *string { return &a.Workload }},
		{"pod", func(a *Annotation) *string { return &a.Pod }},
		{"container", func(a *Annotation) *string { return &a.Container }},
		{"role", func(a *Annotation) *string { return &a.Role }},
		{"outcome", func(a *Annotation) *string { return &a.Outcome }},
		{"source", func(a *Annotation) *string { return &a.Source }},
		{"author", func(a *Annotation) *string { return &a.Author }},
		{"note", func(a *Annotation) *string { return &a.Note }},
		{"retracts", func(a *Annotation) *string { return &a.Retracts }},
	}
}
