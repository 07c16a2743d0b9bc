// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/nodesec/nodesec/internal/clickhouse"
)

// Samples are the samples of an agent's node in the database: what the lab's actors look like from there.
type Samples struct {
	Client   clickhouse.Client
	Database string
}

func (s Samples) table() string { return clickhouse.Name(s.Database) + ".container_samples" }

// Interval is the sampling interval of the samples of the last minute: the median, for the windows of young entities are shorter. Without a sample of the last minute there is no agent at work.
func (s Samples) Interval(ctx context.Context) (time.Duration, error) {
	type answer struct {
		Rows, Interval int
	}
	a, err := clickhouse.One[answer](ctx, s.Client, clickhouse.Query{
		Text: "SELECT count() AS Rows, round(ifNotFinite(quantileExact(0.5)(interval_ms), 0)) AS Interval FROM " + s.table() +
			" WHERE ts > now() - INTERVAL 1 MINUTE",
	})
	if err != nil {
		return 0, fmt.Errorf("look for samples of the agent: %w", err)
	}
	if a.Rows == 0 || a.Interval <= 0 {
		return 0, fmt.Errorf("no sample arrived in %s within the last minute: start the agent first (nodesecctl up)", s.table())
	}
	return time.Duration(a.Interval) * time.Millisecond, nil
}

// Wait waits until samples of a container at or after the moment have arrived.
func (s Samples) Wait(ctx context.Context, container string, moment time.Time) error {
	for {
		ticks, err := s.ticks(ctx, container)
		if err != nil {
			return err
		}
		if n := len(ticks); n > 0 && !ticks[n-1].At.Before(moment) {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("wait for samples of container %s at %s: %w", container, moment.UTC().Format(time.RFC3339Nano), err)
		}
	}
}

// ticks are the samples of a container in the order of time, with the executions that were counted. A sample without the
// count, of an agent that can't load BPF programs, has none.
func (s Samples) ticks(ctx context.Context, container string) (Ticks, error) {
	type row struct {
		At    time.Time
		Execs int
	}
	rows, err := clickhouse.Select[row](ctx, s.Client, clickhouse.Query{
		Text: "SELECT ts AS At, toUInt32(if(isNaN(exec_count), 0, exec_count)) AS Execs FROM " + s.table() +
			" WHERE container_id = {container:String} ORDER BY ts",
		Parameters: map[string]string{"container": container},
	})
	if err != nil {
		return nil, fmt.Errorf("read the samples of container %s: %w", container, err)
	}
	ticks := make(Ticks, len(rows))
	for i, r := range rows {
		ticks[i] = Tick(r)
	}
	return ticks, nil
}

// Align waits for the samples of a run's marks and writes into the record at which tick each step was seen to begin.
func (r *Runner) Align(ctx context.Context, s Samples, interval time.Duration, record *Record) error {
	// A sample after the last mark tells that the mark has arrived, if it ever does.
	if err := s.Wait(ctx, r.Marker(), expected(record.Ended, interval)); err != nil {
		return err
	}
	ticks, err := s.ticks(ctx, r.Marker())
	if err != nil {
		return err
	}
	at := seen(r.Marks(), ticks)
	for i := range record.Steps {
		record.Steps[i].Effect = at[record.Steps[i].Begin]
	}
	return nil
}
