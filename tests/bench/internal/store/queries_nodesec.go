// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"strings"

	"github.com/nodesec/nodesec/tests/bench/internal/fleet"
)

// ourQueries asks a wide table: the features are its columns.
func ourQueries(q question, table string) queries {
	const key = "toUnixTimestamp(ts) AS t"
	all, window := columns(q.features), columns(fleet.Selection())
	container := fmt.Sprintf("SELECT %s, %s FROM %s WHERE node = '%s' AND container_id = '%s' AND %s",
		key, all, table, q.node, q.container, q.during("ts"))
	node := fmt.Sprintf("SELECT container_id, %s, %s FROM %s WHERE node = '%s' AND %s",
		key, all, table, q.node, q.during("ts"))
	return queries{
		container: container, containerTuned: container,
		node: node, nodeTuned: node,
		window: fmt.Sprintf("SELECT container_id, %s, %s FROM %s WHERE %s", key, window, table, q.duringWindow("ts")),
		average: fmt.Sprintf("SELECT toUnixTimestamp(toStartOfFiveMinutes(ts)) AS t, avg(%s) FROM %s GROUP BY t",
			averageFeature, table),
		joint: fmt.Sprintf("SELECT namespace, count() FROM %s WHERE %s > %v AND %s > %v GROUP BY namespace",
			table, jointFirst, firstAbove, jointSecond, secondAbove),
		checksum: ourChecksum(q, table),
	}
}

// ourChecksum adds up the columns' sums. A missing value is NaN and no point.
func ourChecksum(q question, table string) string {
	var counts, sums []string
	for _, f := range q.features {
		counts = append(counts, fmt.Sprintf("countIf(NOT isNaN(%s))", f.Name))
		sums = append(sums, fmt.Sprintf("sumIf(cityHash64(toString(container_id), toUnixTimestamp(ts), '%s', "+
			"reinterpretAsUInt64(%s)), NOT isNaN(%s))", f.Name, f.Name, f.Name))
	}
	return fmt.Sprintf("SELECT %s, %s FROM %s", strings.Join(counts, " + "), strings.Join(sums, " + "), table)
}

func columns(features []fleet.Feature) string {
	names := make([]string, len(features))
	for i, f := range features {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}
