// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/actor"
)

// openStage gives the test a place for actors.
func openStage(t *testing.T) *actor.Stage {
	stage, err := actor.Open(actor.DefaultFolder) // so that what a killed run left is removed
	if err != nil {
		if os.Getenv("NODESEC_TEST_BPF") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() { assert.NoError(t, stage.Close()) })
	return stage
}

// cast makes an actor that the action can be done in.
func cast(t *testing.T, stage *actor.Stage, a *action.Action, cfg actor.Config) (*actor.Actor, error) {
	a.Prepare(&cfg)
	return stage.New(t.Context(), cfg)
}

// perform does an action to its end.
func perform(t *testing.T, a *action.Action, in *actor.Actor, values action.Values) (o action.Outcome, pids []int, err error) {
	running, err := a.Start(t.Context(), in, values)
	if err != nil {
		return o, nil, err
	}
	for range 3 { // the processes of those that last longer than a moment
		time.Sleep(300 * time.Millisecond)
		now, err := in.PIDs()
		if err != nil {
			return o, nil, err
		}
		pids = append(pids, now...)
	}
	o, err = running.Wait(t.Context())
	if err == nil && o.Failed != "" {
		err = errors.New(o.Failed)
	}
	return o, pids, err
}

// done is an act with what came of it.
type done struct {
	act
	actor   *actor.Actor
	peer    *actor.Actor
	outcome action.Outcome
	pids    []int
}

func (d *done) name() string {
	var values []string
	for name, value := range d.values {
		values = append(values, name+"="+value)
	}
	slices.Sort(values)
	return strings.Join(append([]string{d.action}, values...), " ")
}

// settled is how old a container must be for the rules that leave out what happens at its start.
const settled = 12 * time.Second

// TestActsAreTagged does what attackers do, each in an actor of its own, and expects the rules to tag it within two ticks,
// and nobody else.
func TestActsAreTagged(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	countsInTheKernel(t, db)
	stage := openStage(t)

	rest, err := action.Find("rest")
	require.NoError(t, err)
	neighbour, err := cast(t, stage, rest, actor.Config{Name: "neighbour"})
	require.NoError(t, err)
	all := make([]*done, 0, len(acts()))
	for _, a := range acts() {
		all = append(all, &done{act: a})
	}
	each(t, all, 2, func(d *done) error { return d.enter(t, stage) })
	time.Sleep(settled)
	// The first ones last: they are begun, and wait while the others are done.
	each(t, all, 7, func(d *done) error { return d.do(t) })
	tickIsStored(t, db, "container_samples", time.Now().Add(2*time.Second))

	tags := readTags(t, db)
	for _, d := range all {
		for _, rule := range d.rules {
			if !d.check(t, rule, tags.containers[rule], d.actor.ID, d.actor.Cgroup) {
				d.explain(t, db)
			}
			for _, tag := range tags.containers[rule] {
				assert.NotEqual(t, neighbour.ID, tag.entity, "the neighbour is tagged with %s", rule)
			}
		}
		for _, rule := range d.process {
			names := make([]string, len(d.pids))
			for i, pid := range d.pids {
				names[i] = fmt.Sprint(pid)
			}
			d.check(t, rule, tags.processes[rule], names...)
		}
	}
}

// each calls f for all, for so many at a time.
func each(t *testing.T, all []*done, parallel int, f func(*done) error) {
	var wg sync.WaitGroup
	tokens := make(chan struct{}, parallel)
	for _, d := range all {
		tokens <- struct{}{}
		wg.Go(func() { assert.NoError(t, f(d), d.name()); <-tokens })
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func (d *done) enter(t *testing.T, stage *actor.Stage) error {
	a, err := action.Find(d.action)
	if err != nil {
		return err
	}
	cfg := actor.Config{Name: "act", Service: d.service, Limits: actor.Limits{Memory: 256 << 20}}
	if a.Needs.Peer != "" {
		peer, err := action.Find(a.Needs.Peer)
		if err != nil {
			return err
		}
		if d.peer, err = cast(t, stage, peer, actor.Config{Name: "peer"}); err != nil {
			return err
		}
		if _, err = peer.Start(t.Context(), d.peer, action.Values{"seconds": "200"}); err != nil {
			return err
		}
		cfg.NetworkOf = d.peer
	}
	d.actor, err = cast(t, stage, a, cfg)
	return err
}

func (d *done) do(t *testing.T) error {
	a, err := action.Find(d.action)
	if err == nil {
		time.Sleep(time.Until(d.actor.Made.Add(d.age)))
		d.outcome, d.pids, err = perform(t, a, d.actor, d.values)
	}
	return err
}

// check expects the rule to have tagged one of the entities in time.
func (d *done) check(t *testing.T, rule string, tags []tag, entities ...string) bool {
	t.Helper()
	// A sample is taken some time after its tick, and may have what began in between.
	earliest, first := d.outcome.Started.Add(-time.Second), time.Time{}
	for _, tag := range tags {
		switch {
		case !slices.Contains(entities, tag.entity):
		case tag.ts.Before(earliest):
			assert.Equal(t, "privileged_container", rule, "%s: tagged before it acted", d.name())
		case first.IsZero() || tag.ts.Before(first):
			first = tag.ts
		}
	}
	if first.IsZero() {
		t.Errorf("%s: no tag %s", d.name(), rule)
		return false
	}
	t.Logf("%-40s %-45s %.2f s", rule, d.name(), first.Sub(d.outcome.Effect).Seconds())
	latest := d.outcome.Effect.Truncate(time.Second).Add(2*time.Second + d.after)
	if d.after > 0 {
		latest = latest.Add(time.Second) // the first tick of the time that it must last is the first of the two
	}
	if first.After(latest) {
		t.Errorf("%s: tag %s at %s, %s after its effect", d.name(), rule, first.Format("05.000"), first.Sub(d.outcome.Effect))
	}
	return true
}

// explain logs what was stored of the actor around the act.
func (d *done) explain(t *testing.T, db clickhouse.Conn) {
	rows, err := db.Query(context.Background(), fmt.Sprintf(`SELECT toString(ts), toString(tuple(rules, quality_partial, quality_missing,
		container_uptime, exec_count, task_fork, task_exit, processes_count, file_open))
		FROM nodesec.container_samples WHERE (container_id = '%s' OR cgroup = '%s') AND ts BETWEEN %s AND %s ORDER BY ts`,
		d.actor.ID, d.actor.Cgroup, milli(d.outcome.Started.Add(-time.Second)), milli(d.outcome.Ended.Add(4*time.Second))))
	require.NoError(t, err)
	defer rows.Close()
	t.Logf("%s from %s to %s: rules, partial, missing, uptime, exec, fork, exit, processes, opens", d.name(),
		d.outcome.Started.Format("05.000"), d.outcome.Ended.Format("05.000"))
	for rows.Next() {
		var ts, text string
		require.NoError(t, rows.Scan(&ts, &text))
		t.Log(ts, text)
	}
}

type tag struct {
	ts     time.Time
	entity string // container ID or cgroup; process ID
}

// tagsByRule are all tags that were stored.
type tagsByRule struct{ containers, processes map[string][]tag }

func readTags(t *testing.T, db clickhouse.Conn) tagsByRule {
	read := func(query string) map[string][]tag {
		rows, err := db.Query(context.Background(), query)
		require.NoError(t, err)
		defer rows.Close()
		all := map[string][]tag{}
		for rows.Next() {
			var one tag
			var rule string
			require.NoError(t, rows.Scan(&one.ts, &rule, &one.entity))
			all[rule] = append(all[rule], one)
		}
		require.NoError(t, rows.Err())
		return all
	}
	return tagsByRule{
		containers: read("SELECT ts, arrayJoin(rules), if(container_id != '', container_id, cgroup) FROM nodesec.container_samples"),
		processes:  read("SELECT ts, arrayJoin(rules), toString(pid) FROM nodesec.process_samples"),
	}
}
