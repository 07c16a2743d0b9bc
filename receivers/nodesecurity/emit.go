// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/zeros"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// emitter writes samples into pdata.
type emitter struct {
	metrics  map[string]*metric // those that are enabled, by name
	features *features
	activity []recorded
	// distinct and containers are nil if the metrics are not enabled.
	distinct, containers *recorded
	entropy              int // the number of the feature
	version              string
	// cumulative says what sums tell: everything since the entity is known, instead of the tick alone.
	cumulative bool
	topCalls   int
	// missing has the bits of the groups that are not loaded.
	missing uint64
	numbers numbers
	// zeros are the features that are left out of the sample at hand; nil if all are to be written.
	zeros zeros.Set

	samples pmetric.Metrics
	ts      pcommon.Timestamp
}

// recorded is a feature that is enabled, with the names of its values; those that nothing counts are skipped.
type recorded struct {
	feature
	metric *metric
	skip   []bool
	values []int64 // scratch
	// numbers are those of the values as features that may be left out.
	numbers []int
}

func newEmitter(cfg *Config, c catalogue, version string, missing uint64) *emitter {
	e := &emitter{
		metrics: map[string]*metric{}, features: newFeatures(c), version: version, topCalls: cfg.Syscalls.Top, missing: missing,
		cumulative: cfg.Temporality == temporalityCumulative, numbers: newNumbers(zeros.Features()),
	}
	for i := range c {
		enabled := c[i].enabled
		if set, ok := cfg.Metrics[c[i].name]; ok {
			enabled = set.Enabled
		}
		if enabled {
			e.metrics[c[i].name] = &c[i]
		}
	}
	if e.metrics[zeros.Metric] != nil && !e.cumulative {
		e.zeros = zeros.NewSet(len(e.numbers))
	}
	for _, f := range featureList() {
		if m := e.metrics[f.metric]; m != nil {
			e.activity = append(e.activity, e.recorded(f, m))
		}
	}
	e.distinct, e.containers = e.gauge("nodesec.distinct"), e.gauge("nodesec.posture.containers")
	if e.entropy = unnumbered; e.metrics[metricEntropy] != nil {
		e.entropy = e.numbers.of(metricEntropy, "")
	}
	return e
}

// gauge is a metric that is no part of activity; nil if it is not enabled.
func (e *emitter) gauge(name string) *recorded {
	m := e.metrics[name]
	if m == nil {
		return nil
	}
	r := e.recorded(feature{metric: name}, m)
	return &r
}

func (e *emitter) recorded(f feature, m *metric) recorded {
	values := valuesOf(m)
	r := recorded{feature: f, metric: m, values: make([]int64, len(values))}
	for _, value := range values {
		r.skip = append(r.skip, e.missing&(1<<groupOf(&f, value)) != 0 || !tells(m.name, value))
		r.numbers = append(r.numbers, e.numbers.of(m.name, value))
	}
	return r
}

// tells says whether a class of paths is worth a feature: everybody reads what is in /etc, and removes his own files.
func tells(metric, class string) bool {
	switch metric {
	case "nodesec.file.read":
		return !slices.Contains([]string{
			"etc", "binary", "root_home", "persistence", "package_db", "proc_sys", "escape", "log",
		}, class)
	case "nodesec.file.remove":
		return slices.Contains([]string{"history", "persistence", "package_db", "log"}, class)
	}
	return true
}

// begin starts the samples of a tick.
func (e *emitter) begin(tick time.Time) {
	e.samples, e.ts = pmetric.NewMetrics(), pcommon.NewTimestampFromTime(tick)
}

// writer appends metrics to a sample.
type writer struct {
	e       *emitter
	metrics pmetric.MetricSlice
	start   pcommon.Timestamp
	totals  *totals
}

// totals are the running sums of an entity's metrics, for cumulative temporality.
type totals struct{ byMetric map[string][]int64 }

// sample starts the sample of an entity whose window began at start.
func (e *emitter) sample(resource pcommon.Resource, start time.Time, t *totals) writer {
	rm := e.samples.ResourceMetrics().AppendEmpty()
	resource.CopyTo(rm.Resource())
	scope := rm.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().SetVersion(e.version)
	scope.Metrics().EnsureCapacity(len(e.metrics))
	return writer{e: e, metrics: scope.Metrics(), start: pcommon.NewTimestampFromTime(start), totals: t}
}

// points appends a metric, if it is enabled, and returns its data points with room for n.
func (w *writer) points(name string, n int) (m *metric, points pmetric.NumberDataPointSlice) {
	if m = w.e.metrics[name]; m == nil {
		return nil, points
	}
	return m, w.append(m, n)
}

func (w *writer) append(m *metric, n int) (points pmetric.NumberDataPointSlice) {
	appended := w.metrics.AppendEmpty()
	appended.SetName(m.name)
	appended.SetDescription(m.description)
	appended.SetUnit(m.unit)
	if m.sum {
		sum := appended.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		if w.e.cumulative {
			sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		}
		points = sum.DataPoints()
	} else {
		points = appended.SetEmptyGauge().DataPoints()
	}
	points.EnsureCapacity(n)
	return points
}

// point appends a data point; value is that of the metric's attribute, if it has one of text.
func (w *writer) point(m *metric, points pmetric.NumberDataPointSlice, value string) pmetric.NumberDataPoint {
	p := points.AppendEmpty()
	p.SetTimestamp(w.e.ts)
	p.SetStartTimestamp(w.start)
	if m.attribute != "" {
		attributes := p.Attributes()
		attributes.EnsureCapacity(1)
		if value != "" {
			attributes.PutStr(m.attribute, value)
		}
	}
	return p
}

// gauge writes a metric with one value.
func (w *writer) gauge(name string, value int64) {
	if m, points := w.points(name, 1); m != nil {
		w.point(m, points, "").SetIntValue(value)
	}
}

// double is gauge for a metric of that type.
func (w *writer) double(name string, value float64) {
	if m, points := w.points(name, 1); m != nil {
		w.point(m, points, "").SetDoubleValue(value)
	}
}

// count writes a sum without an attribute.
func (w *writer) count(name string, n int64) {
	if m := w.e.metrics[name]; m != nil {
		w.sum(&recorded{metric: m, skip: []bool{false}, values: []int64{n}, numbers: []int{unnumbered}})
	}
}

// sum writes what was counted.
func (w *writer) sum(r *recorded) {
	values := r.values
	if w.e.cumulative {
		values = w.totals.add(r.metric.name, values)
	}
	s := series{writer: w, metric: r.metric, room: len(values)}
	if w.e.zeros != nil {
		s.room = nonzero(values)
	}
	for i, n := range values {
		if !r.skip[i] {
			s.record(i, r.numbers[i], n)
		}
	}
}

func nonzero(values []int64) (count int) {
	for _, n := range values {
		if n != 0 {
			count++
		}
	}
	return count
}

// series writes the values of a metric that are to be written. The metric is appended with the first.
type series struct {
	*writer
	metric *metric
	room   int // for about so many points
	points pmetric.NumberDataPointSlice
	any    bool
}

// record writes the value at a place of the metric's attribute, or leaves it out.
func (s *series) record(place, number int, n int64) {
	if n == 0 && s.leaveOut(number) {
		return
	}
	if !s.any {
		s.points, s.any = s.append(s.metric, s.room), true
	}
	s.point(s.metric, s.points, valuesOf(s.metric)[place]).SetIntValue(n)
}

func (t *totals) add(name string, values []int64) []int64 {
	if t.byMetric == nil {
		t.byMetric = map[string][]int64{}
	}
	sums := t.byMetric[name]
	if sums == nil {
		sums = make([]int64, len(values))
		t.byMetric[name] = sums
	}
	for i, n := range values {
		sums[i] += n
	}
	return sums
}

const metricEntropy = "nodesec.syscall.entropy"

// activity writes what was counted in the kernel, of a container or of the node.
func (w *writer) activity(a *activity, node bool) {
	for i := range w.e.activity {
		r := &w.e.activity[i]
		if r.nodeOnly && !node {
			continue
		}
		clear(r.values)
		r.feature.values(w.e.features, a, r.values)
		w.sum(r)
	}
	if r := w.e.distinct; r != nil {
		s := series{writer: w, metric: r.metric}
		distinctValues(a, w.e.missing, func(place int, n int64) { s.record(place, r.numbers[place], n) })
	}
	if w.e.missing&(1<<probe.GroupSyscalls) != 0 {
		return
	}
	if bits := entropy(&a.counters); bits != 0 || !w.leaveOut(w.e.entropy) {
		w.double(metricEntropy, bits)
	}
	if w.e.metrics["nodesec.syscall.calls"] != nil {
		w.calls(&a.counters)
	}
}

// calls writes the system calls that were most frequent. They differ from tick to tick, so there is no running sum.
func (w *writer) calls(c *probe.Counters) {
	m, points := w.points("nodesec.syscall.calls", w.e.topCalls)
	for _, number := range frequent(c, w.e.topCalls) {
		w.point(m, points, probe.SyscallName(number)).SetIntValue(int64(c.Syscalls[number]))
	}
}
