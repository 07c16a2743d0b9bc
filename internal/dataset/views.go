// SPDX-License-Identifier: Apache-2.0

// Package dataset joins samples with their ground truth: the views node_dataset, container_dataset and process_dataset.
package dataset

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
)

// Scope is what the rows of a data set are about.
type Scope string

// The scopes that have a view.
const (
	Node      Scope = "node"
	Container Scope = "container"
	Process   Scope = "process"
)

// Scopes returns all scopes that have a view.
func Scopes() []Scope { return []Scope{Node, Container, Process} }

// Samples returns the name of the table of samples.
func (s Scope) Samples() string { return string(s) + "_samples" }

// View returns the name of the view.
func (s Scope) View() string { return string(s) + "_dataset" }

// TruthColumns returns the columns that a view has beyond those of the samples, in order.
func TruthColumns() []string {
	return []string{"label", "technique", "scenario", "step", "run", "role", "annotation", "guard"}
}

//go:embed sql/view.sql
var viewText string

// Schema returns the statements that make the views. They need not be made again for new features: the columns of the
// samples are looked up when a view is read.
func Schema(database, cluster string) []string {
	var all []string
	for _, scope := range Scopes() {
		all = append(all, view(database, cluster, scope))
	}
	return all
}

func view(database, cluster string, scope Scope) string {
	data := map[string]any{
		"Database": database, "View": scope.View(), "OnCluster": "",
		"Samples":     clickhouse.Name(database) + "." + scope.Samples(),
		"Annotations": clickhouse.Name(database) + "." + annotation.Table,
		"Columns":     names(scope), "Names": strings.Join(names(scope), ", "),
		"Member": "member", "Entity": "member", "PID": false,
		"Condition": condition(scope),
	}
	if cluster != "" {
		data["OnCluster"] = " ON CLUSTER " + clickhouse.Name(cluster)
	}
	if scope == Process { // pids are many: they are not among the names by which the windows are looked up
		data["Member"], data["Entity"], data["PID"] = "(member, pid)", "member.1", true
	}
	parsed := template.Must(template.New("view").Funcs(template.FuncMap{"name": clickhouse.Name}).Parse(viewText))
	var b strings.Builder
	if err := parsed.Execute(&b, data); err != nil {
		panic(fmt.Sprintf("render the view %s: %v", scope.View(), err)) // the template is part of the program
	}
	return strings.TrimSpace(b.String())
}

// names returns the columns that selectors look at, but for pid.
func names(scope Scope) []string {
	if scope == Node {
		return []string{"cluster", "node"}
	}
	return []string{"cluster", "node", "namespace", "workload", "pod", "pod_uid", "container", "container_id", "cgroup"}
}

// condition says which selectors, beyond cluster and node, select an entity of the scope. A selector that reaches deeper
// than the scope selects what contains the selected, if it names that.
func condition(scope Scope) string {
	if scope == Node {
		return "AND (`#truth`.12[number] != '' OR (`#truth`.13[number] = '' AND `#truth`.14[number] = '' " +
			"AND `#truth`.15[number] = '' AND `#truth`.16[number] = '' AND `#truth`.17[number] = 0))"
	}
	all := "AND `#truth`.13[number] IN ('', namespace) AND `#truth`.14[number] IN ('', workload) " +
		"AND `#truth`.15[number] IN ('', pod, pod_uid) AND `#truth`.16[number] IN ('', container, container_id, cgroup)"
	if scope == Container {
		all += " AND (`#truth`.17[number] = 0 OR `#truth`.16[number] != '')"
	}
	return all
}

// Create makes the views, or makes them anew. The tables need not be there yet.
func Create(ctx context.Context, c clickhouse.Client, database string) error {
	for _, statement := range Schema(database, "") {
		if err := c.Exec(ctx, clickhouse.Query{Text: statement}); err != nil {
			return fmt.Errorf("create the views of %s: %w", clickhouse.Name(database), err)
		}
	}
	return nil
}

// Range returns the arguments of a view that reads the ticks from from (included) to to (not included).
func Range(from, to time.Time) string {
	const layout = "2006-01-02 15:04:05.000"
	return fmt.Sprintf("(from='%s', to='%s')", from.UTC().Format(layout), to.UTC().Format(layout))
}
