// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// tables are the ones that the summary counts, in the order it shows them.
var tables = [...]string{"node_samples", "container_samples", "process_samples", "pod_samples", "other_samples"}

// Summary is what has been stored and how fast.
type Summary struct {
	Tables        []Table     `json:"tables"`
	Rows          uint64      `json:"rows"`
	Values        uint64      `json:"values"`
	RowsPerSecond float64     `json:"rows_per_second"`
	BytesOnDisk   uint64      `json:"bytes_on_disk"`
	BytesPerValue float64     `json:"bytes_per_value"`
	LastTick      time.Time   `json:"last_tick"`
	Lag           Lag         `json:"lag_seconds"`
	TopContainers []Container `json:"top_containers"`
	Tags          []Tag       `json:"tags"`
	Seconds       float64     `json:"seconds"`
	HTTP          string      `json:"http_url"`
	Native        string      `json:"native_address"`
	Path          string      `json:"path"`

	ask string // the command for queries
}

// Table is what one table holds. Values counts what is there: a feature that is missing in a row is none.
type Table struct {
	Name        string `json:"name"`
	Rows        uint64 `json:"rows"`
	Values      uint64 `json:"values"`
	Features    uint64 `json:"features"`
	BytesOnDisk uint64 `json:"bytes_on_disk"`

	counted int64 // rows of ticks up to here are in Rows and Values; milliseconds since the epoch
}

// Lag is the time from a tick until its rows could be queried, in seconds.
type Lag struct {
	Last   float64 `json:"last"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// Container is a container and what it used over the last ten seconds.
type Container struct {
	Name     string   `json:"name"`
	CPUCores float64  `json:"cpu_cores"`
	Memory   *float64 `json:"memory_bytes"` // nil if unknown, as the next two
	// System calls per second, and programs executed.
	SyscallRate *float64 `json:"syscalls_per_second"`
	Execs       *float64 `json:"execs"`
}

// reader asks the database for what the summary shows.
type reader struct{ db clickhouse.Conn }

// topContainersQuery leaves out what is unknown, which is NaN in the tables. Without BPF there are no columns of what it
// counts; then security is the rest of the query for those.
const topContainersQuery = `SELECT
    if(pod != '', concat(namespace, '/', pod, '/', container), if(container != '', container, substring(container_id, 1, 12))) AS name,
    sum(cpu_usage) / (sum(interval_ms) / 1000) AS cpu_cores,
    argMaxOrNullIf(container_memory_usage, ts, isFinite(container_memory_usage)) AS memory,
    %s
FROM nodesec.container_samples
WHERE ts > now64(3) - INTERVAL 10 SECOND AND isFinite(cpu_usage)
GROUP BY entity, name
ORDER BY cpu_cores DESC
LIMIT 5`

const (
	securityOfContainers = `sumOrNullIf(syscall_count, isFinite(syscall_count)) / (sumIf(interval_ms, isFinite(syscall_count)) / 1000),
    sumOrNullIf(exec_count, isFinite(exec_count))`
	noSecurityOfContainers = "CAST(NULL, 'Nullable(Float64)'), CAST(NULL, 'Nullable(Float64)')"
)

// topContainers returns none while there is nothing to tell: a host can be without containers, or without their CPU
// accounting.
func (r reader) topContainers(ctx context.Context) ([]Container, error) {
	features, err := r.features(ctx, "container_samples")
	if err != nil || !slices.Contains(features, "cpu_usage") || !slices.Contains(features, "container_memory_usage") {
		return nil, err
	}
	security := noSecurityOfContainers
	if slices.Contains(features, "syscall_count") && slices.Contains(features, "exec_count") {
		security = securityOfContainers
	}
	rows, err := r.db.Query(ctx, fmt.Sprintf(topContainersQuery, security))
	if err != nil {
		return nil, fmt.Errorf("read the top containers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	containers := []Container{}
	for rows.Next() {
		var c Container
		if err := rows.Scan(&c.Name, &c.CPUCores, &c.Memory, &c.SyscallRate, &c.Execs); err != nil {
			return nil, fmt.Errorf("read the top containers: %w", err)
		}
		containers = append(containers, c)
	}
	return containers, rows.Err()
}

// count adds to the table what was stored since the last call. Only new rows are read, so that a live summary costs
// the same after a week as after a minute. Rows of the newest tick wait for the next call: more may come.
func (r reader) count(ctx context.Context, t *Table, until time.Time) error {
	features, err := r.features(ctx, t.Name)
	if err != nil || len(features) == 0 {
		return err
	}
	columns := make([]string, len(features))
	for i, name := range features {
		columns[i] = identifier(name)
	}
	query := fmt.Sprintf(`SELECT count(), sum(arrayCount(x -> NOT isNaN(x), [%s]) + length(more)) FROM nodesec.%s
		WHERE ts > fromUnixTimestamp64Milli(?) AND ts <= fromUnixTimestamp64Milli(?)`, strings.Join(columns, ","), t.Name)
	var rows, values uint64
	if err := r.db.QueryRow(ctx, query, t.counted, until.UnixMilli()).Scan(&rows, &values); err != nil {
		return fmt.Errorf("count the values of %s: %w", t.Name, err)
	}
	t.Rows, t.Values, t.Features, t.counted = t.Rows+rows, t.Values+values, uint64(len(features)), until.UnixMilli()
	return nil
}

// features returns the names of the feature columns of a table; none if there is no such table yet.
func (r reader) features(ctx context.Context, table string) ([]string, error) {
	var features []string
	err := r.db.QueryRow(ctx, `SELECT groupArray(name) FROM system.columns
		WHERE database = 'nodesec' AND table = ? AND type = 'Float64'`, table).Scan(&features)
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", table, err)
	}
	return features, nil
}

// identifier quotes the name of a column, which may come from anybody's metric.
func identifier(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// sizes returns the bytes on disk of each table.
func (r reader) sizes(ctx context.Context) (map[string]uint64, error) {
	rows, err := r.db.Query(ctx, `SELECT table, sum(bytes_on_disk) FROM system.parts
		WHERE active AND database = 'nodesec' GROUP BY table`)
	if err != nil {
		return nil, fmt.Errorf("read the size of the tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	sizes := map[string]uint64{}
	for rows.Next() {
		var table string
		var bytes uint64
		if err := rows.Scan(&table, &bytes); err != nil {
			return nil, fmt.Errorf("read the size of the tables: %w", err)
		}
		sizes[table] = bytes
	}
	return sizes, rows.Err()
}

// newestTick returns the newest tick whose node and process rows can be queried; zero while there is none.
func (r reader) newestTick(ctx context.Context, since time.Time) (time.Time, error) {
	var newest time.Time
	err := r.db.QueryRow(ctx, `SELECT least((SELECT max(ts) FROM nodesec.node_samples WHERE ts >= fromUnixTimestamp64Milli(?)),
		(SELECT max(ts) FROM nodesec.process_samples WHERE ts >= fromUnixTimestamp64Milli(?)))`,
		since.UnixMilli(), since.UnixMilli()).Scan(&newest)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the newest tick: %w", err)
	}
	return newest, nil
}
