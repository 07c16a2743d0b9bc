// SPDX-License-Identifier: Apache-2.0

package export

import (
	"context"
	"fmt"
	"time"

	"github.com/nodesec/nodesec/internal/clickhouse"
)

// rowsPerPart is about how many samples of all splits go into one file; it bounds what the server sorts at once.
const rowsPerPart = 500_000

// part is a piece of the time, [From, To), that is written in one go.
type part struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// minute is how many samples there are in one.
type minute struct {
	At   time.Time
	Rows int
}

// planParts cuts the time so that each part has about so many samples, and no window of several ticks is cut.
func planParts(minutes []minute, o *Options, interval time.Duration, rows int) []part {
	var parts []part
	begin, n := o.From, 0
	for _, m := range minutes {
		if cut := boundary(m.At, o, interval); n > 0 && n+m.Rows > rows && cut.After(begin) && cut.Before(o.To) {
			parts = append(parts, part{begin, cut})
			begin, n = cut, 0
		}
		n += m.Rows
	}
	return append(parts, part{begin, o.To})
}

// boundary is the latest moment that is not after at and not inside of a window. A window's last sample is at its end, which is
// why the next one begins a millisecond later.
func boundary(at time.Time, o *Options, interval time.Duration) time.Time {
	if o.Window == 1 {
		return at
	}
	window := int64(o.Window) * interval.Milliseconds()
	return time.UnixMilli(at.UnixMilli() / window * window).Add(time.Millisecond).UTC()
}

// readMinutes counts the samples.
func readMinutes(ctx context.Context, c clickhouse.Client, s *source) ([]minute, error) {
	rows, err := clickhouse.Select[minute](ctx, c, clickhouse.Query{
		Text: fmt.Sprintf("SELECT toStartOfMinute(ts) AS At, count() AS Rows FROM %s.%s WHERE ts >= fromUnixTimestamp64Milli(%d) AND "+
			"ts < fromUnixTimestamp64Milli(%d) GROUP BY At ORDER BY At", clickhouse.Name(s.database),
			clickhouse.Name(s.options.Scope.Samples()), s.options.From.UnixMilli(), s.options.To.UnixMilli()),
	})
	if err != nil {
		return nil, fmt.Errorf("count the samples: %w", err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("there are no samples of scope %s from %s to %s", s.options.Scope,
			s.options.From.UTC().Format(time.RFC3339), s.options.To.UTC().Format(time.RFC3339))
	}
	return rows, nil
}

// readInterval is the interval of most samples.
func readInterval(ctx context.Context, c clickhouse.Client, s *source) (time.Duration, error) {
	type row struct{ Interval int64 }
	r, err := clickhouse.One[row](ctx, c, clickhouse.Query{
		Text: fmt.Sprintf("SELECT topK(1)(interval_ms)[1] AS Interval FROM %s.%s WHERE ts >= fromUnixTimestamp64Milli(%d) AND "+
			"ts < fromUnixTimestamp64Milli(%d)", clickhouse.Name(s.database), clickhouse.Name(s.options.Scope.Samples()),
			s.options.From.UnixMilli(), s.options.To.UnixMilli()),
	})
	if err != nil {
		return 0, fmt.Errorf("read the sampling interval: %w", err)
	}
	return time.Duration(max(r.Interval, 1)) * time.Millisecond, nil
}
