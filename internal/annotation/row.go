// SPDX-License-Identifier: Apache-2.0

package annotation

import "time"

// row is an annotation as a line of JSONEachRow.
type row struct {
	ID        string    `json:"id"`
	Run       string    `json:"run"`
	Scenario  string    `json:"scenario"`
	Step      string    `json:"step"`
	Technique string    `json:"technique"`
	Label     Label     `json:"label"`
	Start     time.Time `json:"t_start"`
	End       time.Time `json:"t_end"`
	Effect    time.Time `json:"t_effect"`
	Cluster   string    `json:"cluster"`
	Node      string    `json:"node"`
	Namespace string    `json:"namespace"`
	Workload  string    `json:"workload"`
	Pod       string    `json:"pod"`
	Container string    `json:"container"`
	PID       uint32    `json:"pid"`
	Role      string    `json:"role"`
	Outcome   string    `json:"outcome"`
	Source    string    `json:"source"`
	Author    string    `json:"author"`
	Note      string    `json:"note"`
	Created   time.Time `json:"created_at"`
	Retracts  string    `json:"retracts"`
}

func toRow(a *Annotation, now time.Time) row {
	created := a.Created
	if created.IsZero() {
		created = now
	}
	return row{
		ID: a.ID, Run: a.Run, Scenario: a.Scenario, Step: a.Step, Technique: a.Technique, Label: a.Label,
		Start: toTable(a.Start), End: toTable(a.End), Effect: toTable(a.Effect), Created: toTable(created),
		Cluster: a.Cluster, Node: a.Node, Namespace: a.Namespace, Workload: a.Workload, Pod: a.Pod,
		Container: a.Container, PID: a.PID,
		Role: a.Role, Outcome: a.Outcome, Source: a.Source, Author: a.Author, Note: a.Note, Retracts: a.Retracts,
	}
}

func (r *row) annotation() Annotation {
	return Annotation{
		ID: r.ID, Run: r.Run, Scenario: r.Scenario, Step: r.Step, Technique: r.Technique, Label: r.Label,
		Start: fromTable(r.Start), End: fromTable(r.End), Effect: fromTable(r.Effect), Created: fromTable(r.Created),
		Selector: Selector{
			Cluster: r.Cluster, Node: r.Node, Namespace: r.Namespace, Workload: r.Workload, Pod: r.Pod,
			Container: r.Container, PID: r.PID,
		},
		Role: r.Role, Outcome: r.Outcome, Source: r.Source, Author: r.Author, Note: r.Note, Retracts: r.Retracts,
	}
}

// toTable writes "no time" as the table does.
func toTable(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC().Truncate(time.Microsecond)
}

func fromTable(t time.Time) time.Time {
	if t.Unix() == 0 {
		return time.Time{}
	}
	return t.UTC()
}
