// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"fmt"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/lab/scenario"
)

// background is the step of what an actor does when no step is going on.
const background = "background"

// Annotations are the ground truth of a run: for each actor a benign window of its whole life, and over it one for each
// step. They are written when the run is over, so a lab that is killed leaves samples without a label, never samples
// with a wrong one. The same record gives the same annotations, with the same ids.
func (r *Record) Annotations() []annotation.Annotation {
	var all []annotation.Annotation
	for i := range r.Actors {
		a := &r.Actors[i]
		w := r.window(a)
		w.ID = fmt.Sprintf("%s:%s", r.ID, a.Name)
		w.Step, w.Label = background, annotation.Benign
		w.Start, w.End = a.Made, a.Closed
		all = append(all, w)
	}
	for i := range r.Steps {
		step := &r.Steps[i]
		a := r.actor(step.Actor)
		if a == nil {
			continue
		}
		w := r.window(a)
		w.ID = fmt.Sprintf("%s:%d", r.ID, i)
		w.Step, w.Label, w.Technique = step.Name, label(step.Label), step.Technique
		w.Start, w.End, w.Effect = step.Begin, step.End, step.Effect
		w.Outcome, w.Note = step.Outcome, note(step.Message)
		all = append(all, w)
	}
	return all
}

// window is what all annotations of an actor have in common.
func (r *Record) window(a *Actor) annotation.Annotation {
	return annotation.Annotation{
		Run: r.ID, Scenario: r.Scenario, Role: a.Role, Source: "lab",
		Selector: annotation.Selector{Node: r.Node, Container: a.ContainerID},
	}
}

func label(l scenario.Label) annotation.Label {
	switch l {
	case scenario.Attack:
		return annotation.Attack
	case scenario.Overload:
		return annotation.Overload
	case scenario.Admin:
		return annotation.Admin
	default:
		return annotation.Benign
	}
}

// maxNote is as much of a message as an annotation keeps; the record has it all.
const maxNote = 1000

func note(message string) string {
	return message[:min(len(message), maxNote)]
}
