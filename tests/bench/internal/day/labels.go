// SPDX-License-Identifier: Apache-2.0

package day

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/dataset"
	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

const (
	// annotations is how many windows there are in the day.
	annotations = 1000
	// labelsTarget is how much longer reading with labels may take.
	labelsTarget = 2
)

// client asks the server as nodesecctl does.
func client(s *server.Server) clickhouse.Client {
	return clickhouse.Client{URL: "http://" + s.HTTP + "/"}
}

// measureLabels reads the day with and without its ground truth.
func measureLabels(ctx context.Context, s *server.Server, o Options) (report.Table, error) {
	t := report.Table{
		Title:   fmt.Sprintf("Labels: the day with %d annotations", annotations),
		Columns: []string{"", "without labels", "with labels", "ratio", "target"},
		Note:    fmt.Sprintf("Milliseconds until the server had made all rows (FORMAT Null), in brackets its CPU time; medians of %d warm runs.", o.Runs),
	}
	if err := annotate(ctx, s, o); err != nil {
		return t, err
	}
	var names []string
	for _, f := range fleet.Features() {
		names = append(names, f.Name)
	}
	from, to := o.Fleet.Time(0), o.Fleet.Time(o.Ticks)
	for _, c := range []struct {
		name     string
		features []string
	}{{fmt.Sprintf("all %d features", len(names)), names}, {"10 features", names[:10]}} {
		columns := "ts, entity, " + strings.Join(c.features, ", ")
		plain := fmt.Sprintf("SELECT %s FROM %s WHERE ts >= fromUnixTimestamp64Milli(%d) AND ts < fromUnixTimestamp64Milli(%d) FORMAT Null",
			columns, table, from.UnixMilli(), to.UnixMilli())
		labelled := "SELECT " + columns + ", label, technique, scenario, step, run, guard FROM " + database + "." + dataset.Container.View() +
			dataset.Range(from, to) + " FORMAT Null"
		without, withoutCPU, err := times(ctx, s, plain, o.Runs)
		if err != nil {
			return t, err
		}
		with, withCPU, err := times(ctx, s, labelled, o.Runs)
		if err != nil {
			return t, err
		}
		t.Add(c.name, fmt.Sprintf("%.0f (%.0f)", without, withoutCPU), fmt.Sprintf("%.0f (%.0f)", with, withCPU), report.Number(with/without),
			report.AtMost(with/without, labelsTarget, ""))
	}
	return t, nil
}

// times runs a statement and returns the medians of its wall and CPU time in milliseconds.
func times(ctx context.Context, s *server.Server, sql string, runs int) (wall, cpu float64, err error) {
	if err := s.Exec(ctx, sql); err != nil {
		return 0, 0, err
	}
	var walls, cpus []float64
	for range min(runs, 5) {
		timing, err := s.Time(ctx, sql)
		if err != nil {
			return 0, 0, err
		}
		walls, cpus = append(walls, timing.Wall.Seconds()*1e3), append(cpus, timing.CPU.Seconds()*1e3)
	}
	return measure.Median(walls), measure.Median(cpus), nil
}

// annotate writes windows of one to ten minutes about single containers, and one of the whole day about each node.
func annotate(ctx context.Context, s *server.Server, o Options) error {
	store := annotation.Store{Client: client(s), Database: database}
	if err := store.Create(ctx); err != nil {
		return err
	}
	if err := dataset.Create(ctx, store.Client, database); err != nil {
		return err
	}
	ids, err := s.Lines(ctx, "SELECT concat(node, ' ', container_id) FROM "+seeds+" ORDER BY c")
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []annotation.Annotation
	nodes := map[string]bool{}
	for i := range annotations {
		node, container, _ := strings.Cut(ids[random.IntN(len(ids))], " ")
		begin := o.Fleet.Time(random.IntN(o.Ticks)).Add(time.Duration(random.IntN(10000)) * time.Millisecond)
		a := annotation.Annotation{
			ID: "w" + strconv.Itoa(i), Run: "run-" + strconv.Itoa(i/5), Scenario: "scenario-" + strconv.Itoa(i%40), Step: "step", Label: annotation.Attack,
			Technique: "T1496.001", Start: begin, End: begin.Add(time.Duration(60+random.IntN(540)) * time.Second),
			Selector: annotation.Selector{Node: node, Container: container},
		}
		if !nodes[node] && len(nodes) < o.Fleet.Nodes {
			nodes[node] = true
			a = annotation.Annotation{
				ID: "node-" + strconv.Itoa(len(nodes)), Run: "background", Label: annotation.Benign, Start: o.Fleet.Time(0).Add(-time.Hour),
				End: o.Fleet.Time(o.Ticks).Add(time.Hour), Selector: annotation.Selector{Node: node},
			}
		}
		all = append(all, a)
	}
	return store.Insert(ctx, all)
}
