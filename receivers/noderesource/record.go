// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/receivers/internal/counter"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// recorder records the data points of a node or a container. What a kernel does not tell makes no point, and neither
// does a counter whose growth is not known yet. A counter is named by its place in the entity's counters.
type recorder struct {
	mb       *metadata.MetricsBuilder
	ts       pcommon.Timestamp
	counters *counter.Set
}

func (e *emitter) recorder(l *life) recorder {
	return recorder{mb: e.mb, ts: e.timestamp(), counters: &l.counters}
}

// The units of the kernel's counters of time, per second.
const (
	millisecond = 1e3
	microsecond = 1e6
	nanosecond  = 1e9
)

// known makes a number of a value that every kernel tells.
func known(value uint64) procfs.Number { return procfs.Number{Value: value, Known: true} }

func (r *recorder) gauge(record func(pcommon.Timestamp, int64), n procfs.Number) {
	if n.Known {
		record(r.ts, int64(n.Value))
	}
}

// gaugeBy is gauge for a metric with an attribute.
func gaugeBy[A any](r *recorder, record func(pcommon.Timestamp, int64, A), attribute A, n procfs.Number) {
	if n.Known {
		record(r.ts, int64(n.Value), attribute)
	}
}

// ratio records part over whole.
func (r *recorder) ratio(record func(pcommon.Timestamp, float64), part, whole procfs.Number) {
	if part.Known && whole.Known && whole.Value > 0 {
		record(r.ts, float64(part.Value)/float64(whole.Value))
	}
}

// growth is what the sample tells of the counter.
func (r *recorder) growth(place int, n procfs.Number) (growth uint64, ok bool) {
	if !n.Known {
		return 0, false
	}
	return r.counters.Update(place, n.Value)
}

func (r *recorder) count(record func(pcommon.Timestamp, int64), place int, n procfs.Number) {
	if growth, ok := r.growth(place, n); ok {
		record(r.ts, int64(growth))
	}
}

// countBy is count for a metric with an attribute.
func countBy[A any](r *recorder, record func(pcommon.Timestamp, int64, A), attribute A, place int, n procfs.Number) {
	if growth, ok := r.growth(place, n); ok {
		record(r.ts, int64(growth), attribute)
	}
}

// seconds is count for a counter of time that grows by so much per second.
func (r *recorder) seconds(record func(pcommon.Timestamp, float64), place int, n procfs.Number, perSecond float64) {
	if growth, ok := r.growth(place, n); ok {
		record(r.ts, float64(growth)/perSecond)
	}
}

// secondsBy is seconds for a metric with an attribute.
func secondsBy[A any](
	r *recorder, record func(pcommon.Timestamp, float64, A), attribute A, place int, n procfs.Number, perSecond float64,
) {
	if growth, ok := r.growth(place, n); ok {
		record(r.ts, float64(growth)/perSecond, attribute)
	}
}

// pressureCounters are some and full of cpu, memory and io.
const pressureCounters = 2 * 3

// pressure records the stalls for lack of a resource. first is the place of the first of the pressureCounters.
func (r *recorder) pressure(first int, of metadata.AttributeNodesecPressureResource, p *procfs.Pressure) {
	first += 2 * int(of-metadata.AttributeNodesecPressureResourceCPU)
	r.stall(first, metadata.AttributeNodesecPressureKindSome, of, p.Some)
	r.stall(first+1, metadata.AttributeNodesecPressureKindFull, of, p.Full)
}

func (r *recorder) stall(
	place int, kind metadata.AttributeNodesecPressureKind, of metadata.AttributeNodesecPressureResource, s procfs.Stall,
) {
	if !s.Total.Known {
		return
	}
	r.mb.RecordNodesecPressureAvg10DataPoint(r.ts, s.Avg10/100, kind, of)
	if growth, ok := r.growth(place, s.Total); ok {
		r.mb.RecordNodesecPressureStallTimeDataPoint(r.ts, float64(growth)/microsecond, kind, of)
	}
}

func (r *recorder) sockets(p *procfs.Protocols) {
	count := r.mb.RecordNodesecSocketsCountDataPoint
	count(r.ts, int64(p.TCP), metadata.AttributeNodesecSocketKindTCP)
	count(r.ts, int64(p.UDP), metadata.AttributeNodesecSocketKindUDP)
	count(r.ts, int64(p.Raw), metadata.AttributeNodesecSocketKindRaw)
	count(r.ts, int64(p.Packet), metadata.AttributeNodesecSocketKindPacket)
	count(r.ts, int64(p.Unix), metadata.AttributeNodesecSocketKindUnix)
}

// tcpStates relies on the attribute's values being in the kernel's order, but for NEW_SYN_RECV.
func (r *recorder) tcpStates(states *procfs.TCPStates) {
	for state := procfs.TCPEstablished; state <= procfs.TCPClosing; state++ {
		r.mb.RecordSystemNetworkConnectionCountDataPoint(r.ts, int64(states[state]),
			metadata.AttributeNetworkConnectionState(state))
	}
}
