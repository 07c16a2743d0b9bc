// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/nodesec/nodesec/internal/clickhouse"
)

// Table is the name of the table.
const Table = "annotations"

//go:embed sql/*.sql
var statements embed.FS

// Schema returns the statements that make database and table as far as they are not there. An empty cluster means a
// single server.
func Schema(database, cluster string) []string {
	onCluster := ""
	if cluster != "" {
		onCluster = " ON CLUSTER " + clickhouse.Name(cluster)
	}
	data := map[string]string{
		"Database": database, "Table": Table, "OnCluster": onCluster, "Cluster": cluster,
		"Engine": "MergeTree", "WindowSetting": "non_replicated_deduplication_window", "Local": Table + "_local",
	}
	all := []string{"CREATE DATABASE IF NOT EXISTS " + clickhouse.Name(database) + onCluster}
	if cluster == "" {
		return append(all, render("table.sql", data))
	}
	distributed := render("distributed.sql", data)
	data["Table"], data["Engine"], data["WindowSetting"] =
		data["Local"], "ReplicatedMergeTree", "replicated_deduplication_window"
	return append(all, render("table.sql", data), distributed)
}

func render(name string, data map[string]string) string {
	templates := template.Must(template.New("").
		Funcs(template.FuncMap{"name": clickhouse.Name, "text": clickhouse.Text}).
		ParseFS(statements, "sql/*.sql"))
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(fmt.Sprintf("render %s: %v", name, err)) // the templates are part of the program
	}
	return strings.TrimSpace(b.String())
}
