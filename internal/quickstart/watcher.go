// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"time"
)

// watcher keeps a Summary up to date.
type watcher struct {
	reader  reader
	meter   *lagMeter
	started time.Time
	summary Summary
	tags    int // how many are shown

	previous     uint64 // rows at the previous update
	previousTick time.Time
}

// update reads what was stored since the previous call.
func (w *watcher) update(ctx context.Context) error {
	s := &w.summary
	sizes, err := w.reader.sizes(ctx)
	if err != nil {
		return err
	}
	if len(sizes) == 0 {
		return nil
	}
	s.Lag, s.LastTick = w.meter.lag()
	if s.LastTick.IsZero() {
		return nil
	}
	s.Rows, s.Values, s.BytesOnDisk = 0, 0, 0
	for i := range s.Tables {
		t := &s.Tables[i]
		if err := w.reader.count(ctx, t, s.LastTick); err != nil {
			return err
		}
		t.BytesOnDisk = sizes[t.Name]
		s.Rows, s.Values, s.BytesOnDisk = s.Rows+t.Rows, s.Values+t.Values, s.BytesOnDisk+t.BytesOnDisk
	}
	if s.Values > 0 {
		s.BytesPerValue = float64(s.BytesOnDisk) / float64(s.Values)
	}
	w.rate()
	s.Seconds = time.Since(w.started).Seconds()
	if s.TopContainers, err = w.reader.topContainers(ctx); err != nil {
		return err
	}
	s.Tags, err = w.reader.tags(ctx, w.tags)
	return err
}

// rate sets the rows per second of the ticks since the previous update.
func (w *watcher) rate() {
	s := &w.summary
	if elapsed := s.LastTick.Sub(w.previousTick).Seconds(); elapsed > 0 {
		if !w.previousTick.IsZero() {
			s.RowsPerSecond = float64(s.Rows-w.previous) / elapsed
		}
		w.previous, w.previousTick = s.Rows, s.LastTick
	}
}

// fresh reports whether rows have arrived in this run.
func (w *watcher) fresh() bool { return w.summary.Rows > 0 }
