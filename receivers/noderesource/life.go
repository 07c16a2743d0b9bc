// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"

	"github.com/nodesec/nodesec/receivers/internal/counter"
	"github.com/nodesec/nodesec/receivers/internal/cri"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// life is what the receiver remembers of an entity between two samples.
//
// Times are CLOCK_BOOTTIME (time since boot, suspension included): the wall clock may be set, and the monotonic clock
// stands still while the machine is suspended.
type life struct {
	// counters hold the previous values of the entity's counters.
	counters counter.Set
	// born is when the entity came to life; zero if unknown.
	born time.Duration
	// read is when the previous sample was read; zero before the first.
	read time.Duration
	// tick is the tick of the previous sample.
	tick time.Time
}

// newLife returns the life of an entity born at the given time. An entity that was born after the previous scrape
// started counting at zero within this window, so even its first sample has all its counters.
func newLife(temporality counter.Temporality, born, previousScrape time.Duration) *life {
	newborn := born > 0 && previousScrape > 0 && born >= previousScrape
	return &life{born: born, counters: counter.Set{Temporality: temporality, Newborn: newborn}}
}

// emitter turns what was recorded of one entity into its sample of this tick. All scopes record into it, one after the
// other.
type emitter struct {
	mb    *metadata.MetricsBuilder
	clock clock

	attributes metadata.ResourceAttributesConfig
	// hostName and nodeName name the node in every resource; empty if unknown.
	hostName, nodeName string
	runtime            *cri.Containers
	temporality        counter.Temporality

	tick tick.Tick
	// started is when the scrape started, on the wall clock and as time since boot.
	started     time.Time
	startedBoot time.Duration

	// What the scrape counts for the receiver's own metrics.
	vanished, readErrors, notEmitted int64
}

func newEmitter(cfg *Config, settings receiver.Settings, c clock) emitter {
	return emitter{
		mb:          metadata.NewMetricsBuilder(cfg.MetricsBuilderConfig, settings),
		clock:       c,
		attributes:  cfg.ResourceAttributes,
		nodeName:    cfg.NodeName,
		temporality: counter.Temporality(cfg.Temporality == temporalityCumulative),
	}
}

// begin starts the scrape of a tick.
func (e *emitter) begin(t tick.Tick) {
	e.tick, e.started, e.startedBoot = t, e.clock.wall(), e.clock.boot()
	e.vanished, e.readErrors, e.notEmitted = 0, 0, 0
}

// end returns the samples of all entities.
func (e *emitter) end() pmetric.Metrics {
	metrics := e.mb.Emit()
	if e.temporality == counter.Cumulative {
		setCumulative(metrics)
	}
	return metrics
}

// resource returns a builder for the resource of an entity of this node, with the names of the node in it.
func (e *emitter) resource() *metadata.ResourceBuilder {
	rb := metadata.NewResourceBuilder(e.attributes)
	if e.hostName != "" {
		rb.SetHostName(e.hostName)
	}
	if e.nodeName != "" {
		rb.SetK8sNodeName(e.nodeName)
	}
	return rb
}

// timestamp is that of all points of the scrape.
func (e *emitter) timestamp() pcommon.Timestamp { return pcommon.NewTimestampFromTime(e.tick.Time) }

// emit adds the row quality to what was recorded, sets the exact window on all points and emits them as one resource.
// read is when the entity was read, missing the mask of sources that could not be read.
func (e *emitter) emit(l *life, read time.Duration, missing int64, resource pcommon.Resource) {
	ts := e.timestamp()
	skew := e.started.Add(read - e.startedBoot).Sub(e.tick.Time)
	e.mb.RecordNodesecQualitySkewMsDataPoint(ts, float64(skew)/float64(time.Millisecond))
	e.mb.RecordNodesecQualityMissingDataPoint(ts, missing)
	first, missed := int64(0), int64(0)
	if l.tick.IsZero() {
		first = 1
	} else {
		missed = max(0, int64(e.tick.Time.Sub(l.tick)/e.tick.Interval)-1)
	}
	e.mb.RecordNodesecQualityFirstDataPoint(ts, first)
	e.mb.RecordNodesecQualityMissedTicksDataPoint(ts, missed)
	e.mb.EmitForResource(metadata.WithResource(resource),
		metadata.WithStartTimeOverride(pcommon.NewTimestampFromTime(e.tick.Time.Add(-l.window(read)))))
	l.read, l.tick, l.counters.Newborn = read, e.tick.Time, false
}

// window is how long the counters of this sample ran: since the previous sample, else since birth, else unknown (0).
// A cumulative sample always starts at birth.
func (l *life) window(read time.Duration) time.Duration {
	switch {
	case l.counters.Temporality == counter.Cumulative && l.born > 0:
		return read - l.born
	case l.read > 0:
		return read - l.read
	case l.counters.Newborn:
		return read - l.born
	}
	return 0
}
