// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
)

// maxMisaligned is by how many ticks a step may be seen early or late.
const maxMisaligned = 1

// Verdict is what came out when a run was compared with what the database has of it.
type Verdict struct {
	Record *Record
	// Ticks is how many samples its actors should have, Missing how many of these are not there.
	Ticks, Missing int
	// Unseen is how many steps whose beginning the agent did not see; Late the most ticks that one was seen late (or
	// early, below 0).
	Unseen, Late int
	// Failed is how many steps could not be done.
	Failed int
	// Err says what is wrong; nil: nothing is.
	Err error
}

// Verify compares a run's record with the annotations and samples in the database.
func Verify(ctx context.Context, r *Record, store annotation.Store, s Samples, interval time.Duration) (Verdict, error) {
	v := Verdict{Record: r}
	written, err := store.List(ctx, annotation.Filter{Run: r.ID})
	if err != nil {
		return v, err
	}
	errs := []error{compare(r.Annotations(), written)}
	if r.Failed != "" {
		errs = append(errs, fmt.Errorf("the run did not come to its end: %s", r.Failed))
	}
	for i := range r.Steps {
		v.look(&r.Steps[i], interval)
	}
	if v.Unseen > 0 {
		errs = append(errs, fmt.Errorf("the agent did not see the beginning of %d of %d steps", v.Unseen, len(r.Steps)))
	}
	if v.Late > maxMisaligned || v.Late < -maxMisaligned {
		errs = append(errs, fmt.Errorf("samples and windows are %d ticks apart", v.Late))
	}
	for i := range r.Actors {
		if err := v.count(ctx, &r.Actors[i], s, interval); err != nil {
			return v, err
		}
	}
	if v.Missing > 0 {
		errs = append(errs, fmt.Errorf("%d of %d samples of the actors are missing", v.Missing, v.Ticks))
	}
	v.Err = errors.Join(errs...)
	return v, nil
}

// look counts how a step went.
func (v *Verdict) look(step *Step, interval time.Duration) {
	if step.Outcome == Failed {
		v.Failed++
	}
	if step.Effect.IsZero() {
		v.Unseen++
		return
	}
	if by := late(step.Begin, step.Effect, interval); by*by > v.Late*v.Late {
		v.Late = by
	}
}

// count looks for a sample of an actor at each tick of its life. A tick of which it lived only a part may have one or not.
func (v *Verdict) count(ctx context.Context, a *Actor, s Samples, interval time.Duration) error {
	type answer struct{ Rows int }
	first, last := expected(a.Made, interval).Add(interval), expected(a.Closed, interval).Add(-interval)
	got, err := clickhouse.One[answer](ctx, s.Client, clickhouse.Query{
		Text: "SELECT uniqExact(ts) AS Rows FROM " + s.table() + " WHERE container_id = {container:String}" +
			" AND ts BETWEEN fromUnixTimestamp64Milli({first:Int64}) AND fromUnixTimestamp64Milli({last:Int64})",
		Parameters: map[string]string{
			"container": a.ContainerID,
			"first":     fmt.Sprint(first.UnixMilli()), "last": fmt.Sprint(last.UnixMilli()),
		},
	})
	if err != nil {
		return fmt.Errorf("count the samples of actor %s: %w", a.Name, err)
	}
	if last.Before(first) {
		return nil
	}
	ticks := int(last.Sub(first)/interval) + 1
	v.Ticks += ticks
	v.Missing += ticks - got.Rows
	return nil
}

// compare finds differences between the annotations that a record makes and those in the database.
func compare(want, got []annotation.Annotation) error {
	there := map[string]annotation.Annotation{}
	for _, a := range got {
		a.Created = time.Time{}
		there[a.ID] = a
	}
	var errs []error
	for _, w := range want {
		w.Start, w.End, w.Effect = stored(w.Start), stored(w.End), stored(w.Effect)
		g, found := there[w.ID]
		delete(there, w.ID)
		switch {
		case !found:
			errs = append(errs, fmt.Errorf("annotation %s is not in the database", w.ID))
		case g != w:
			errs = append(errs, fmt.Errorf("annotation %s differs: %+v in the database, %+v in the record", w.ID, g, w))
		}
	}
	for id := range there {
		errs = append(errs, fmt.Errorf("annotation %s is not in the record", id))
	}
	return errors.Join(errs...)
}

// stored is a time as the table of annotations keeps it.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
