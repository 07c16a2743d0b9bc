// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"

	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

// queryCase is one of the questions, with its target: how many times cheaper ours must be than contrib's better
// layout.
type queryCase struct {
	name, format string
	target       float64
	sql          func(*queries) string
}

func cases() []queryCase {
	const one, all = "(a) all features of one container, an hour", "(b) all features of all containers of a node, an hour"
	const tuned = "; contrib's cheapest form found"
	return []queryCase{
		{one, "Native", 5, func(q *queries) string { return q.container }},
		{one + tuned, "Native", 5, func(q *queries) string { return q.containerTuned }},
		{all, "Native", 15, func(q *queries) string { return q.node }},
		{all + tuned, "Native", 15, func(q *queries) string { return q.nodeTuned }},
		{"(c) 10 features of all containers, 10 minutes, as Parquet" + tuned, "Parquet", 2.5,
			func(q *queries) string { return q.window }},
		{"(d) 5-minute averages of one feature over everything", "Native", 2,
			func(q *queries) string { return q.average }},
		{"(e) samples with two features above thresholds, by namespace", "Native", 20,
			func(q *queries) string { return q.joint }},
	}
}

func medians(cpu, wall [][]float64) []timed {
	out := make([]timed, len(cpu))
	for i := range cpu {
		out[i] = timed{cpu: measure.Median(cpu[i]), wall: measure.Median(wall[i])}
	}
	return out
}

// The targets of the load, for ours: bytes per value, share of contrib's CPU time, allocations per point.
const (
	bytesTarget = 0.75
	shareTarget = 0.1
	allocTarget = 1
)

func loadTable(layouts []layout, results []loaded, o Options) report.Table {
	t := report.Table{
		Title: fmt.Sprintf("Store: %d containers x %d ticks, %.1f million points, one insert per tick",
			o.Fleet.Nodes*o.Fleet.ContainersPerNode, o.Ticks, float64(results[0].points)/1e6),
		Columns: []string{"", layouts[0].name, layouts[1].name, layouts[2].name, "ratio to contrib's better", "target"},
		Note: "Client CPU: getrusage of this process around the pushes; making up the data is not in it. Server CPU: " +
			"CPU clock of the server process from the first push until no merge runs. Bytes: active parts on disk after " +
			"OPTIMIZE FINAL, indices included. A checksum over (container, tick, feature, value) is the same in all three.",
	}
	row := func(name string, of func(*loaded) float64, verdict func(ours, peer float64) string) {
		ours, peer := of(&results[2]), min(of(&results[0]), of(&results[1]))
		t.Add(name, report.Number(of(&results[0])), report.Number(of(&results[1])), report.Number(ours),
			"1/"+report.Number(peer/ours), verdict(ours, peer))
	}
	perMillion := func(r *loaded, seconds float64) float64 { return seconds / float64(r.points) * 1e6 }
	share := func(ours, peer float64) string { return report.AtMost(ours/peer, shareTarget, " of contrib's") }
	row("bytes per point", func(r *loaded) float64 { return r.bytes / float64(r.points) },
		func(ours, _ float64) string { return report.AtMost(ours, bytesTarget, "") })
	row("client CPU, s per million points",
		func(r *loaded) float64 { return perMillion(r, r.client.CPU.Seconds()) }, share)
	row("server CPU, s per million points",
		func(r *loaded) float64 { return perMillion(r, r.server.Seconds()) }, share)
	row("allocations per point", func(r *loaded) float64 { return float64(r.client.Allocations) / float64(r.points) },
		func(ours, _ float64) string { return report.AtMost(ours, allocTarget, "") })
	row("seconds for all pushes", func(r *loaded) float64 { return r.client.Wall.Seconds() },
		func(float64, float64) string { return "" })
	return t
}

func queryTable(layouts []layout, timings [][]timed, o Options) report.Table {
	t := report.Table{
		Title:   "Query: server CPU in milliseconds (in brackets: until the last byte arrived)",
		Columns: []string{"", layouts[0].name, layouts[1].name, layouts[2].name, "ratio to contrib's better", "target"},
		Note: fmt.Sprintf("Medians of %d warm runs over HTTP, the layouts in turn; CPU clock of the server process. "+
			"The answers of all three are the same, row by row.", o.Runs),
	}
	for i, c := range cases() {
		row := timings[i]
		ratio := min(row[0].cpu, row[1].cpu) / row[2].cpu
		t.Add(c.name, row[0].String(), row[1].String(), row[2].String(), report.Number(ratio),
			report.AtLeast(ratio, c.target, " times"))
	}
	return t
}

func (t timed) String() string { return fmt.Sprintf("%.1f (%.1f)", t.cpu, t.wall) }
