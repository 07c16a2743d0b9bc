// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// emitter writes samples into pdata.
type emitter struct {
	catalogue catalogue
	features  *features
	activity  []recorded
	version   string
	// cumulative says what sums tell: everything since the entity is known, instead of the tick alone.
	cumulative bool
	topCalls   int
	// missing has the bits of the groups that are not loaded.
	missing uint64

	metrics pmetric.Metrics
	ts      pcommon.Timestamp
}

// recorded is a feature that is enabled, with the names of its values; those that nothing counts are skipped.
type recorded struct {
	feature
	metric *metric
	skip   []bool
	values []int64 // scratch
}

func newEmitter(cfg *Config, c catalogue, version string, missing uint64) *emitter {
	enabled := make(catalogue, 0, len(c))
	for _, m := range c {
		if set, ok := cfg.Metrics[m.name]; ok {
			m.enabled = set.Enabled
		}
		if m.enabled {
			enabled = append(enabled, m)
		}
	}
	e := &emitter{
		catalogue: enabled, features: newFeatures(c), version: version, topCalls: cfg.Syscalls.Top, missing: missing,
		cumulative: cfg.Temporality == temporalityCumulative,
	}
	for _, f := range featureList() {
		if m := enabled.find(f.metric); m != nil {
			e.activity = append(e.activity, newRecorded(f, m, missing))
		}
	}
	return e
}

func newRecorded(f feature, m *metric, missing uint64) recorded {
	values := m.values
	if m.attribute == "" {
		values = []string{""}
	}
	r := recorded{feature: f, metric: m, values: make([]int64, len(values))}
	for _, value := range values {
		r.skip = append(r.skip, missing&(1<<groupOf(&f, value)) != 0 || !tells(m.name, value))
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
	e.metrics, e.ts = pmetric.NewMetrics(), pcommon.NewTimestampFromTime(tick)
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
	rm := e.metrics.ResourceMetrics().AppendEmpty()
	resource.CopyTo(rm.Resource())
	scope := rm.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().SetVersion(e.version)
	scope.Metrics().EnsureCapacity(len(e.catalogue))
	return writer{e: e, metrics: scope.Metrics(), start: pcommon.NewTimestampFromTime(start), totals: t}
}

// points appends a metric, if it is enabled, and returns its data points with room for n.
func (w *writer) points(name string, n int) (m *metric, points pmetric.NumberDataPointSlice) {
	if m = w.e.catalogue.find(name); m == nil {
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

// point appends a data point; value is that of the metric's attribute, if it has one.
func (w *writer) point(m *metric, points pmetric.NumberDataPointSlice, value string) pmetric.NumberDataPoint {
	p := points.AppendEmpty()
	p.SetTimestamp(w.e.ts)
	p.SetStartTimestamp(w.start)
	if m.attribute != "" {
		attributes := p.Attributes()
		attributes.EnsureCapacity(1)
		attributes.PutStr(m.attribute, value)
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
	if m := w.e.catalogue.find(name); m != nil {
		w.sum(&recorded{metric: m, skip: []bool{false}, values: []int64{n}})
	}
}

// sum writes what was counted.
func (w *writer) sum(r *recorded) {
	if !slices.Contains(r.skip, false) {
		return
	}
	m, values := r.metric, r.values
	points := w.append(m, len(values))
	if w.e.cumulative {
		values = w.totals.add(m.name, values)
	}
	for i, n := range values {
		if r.skip[i] {
			continue
		}
		value := ""
		if m.attribute != "" {
			value = m.values[i]
		}
		w.point(m, points, value).SetIntValue(n)
	}
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
	if m, points := w.points("nodesec.distinct", 6); m != nil {
		distinctValues(a, w.e.missing, func(place int, n int64) { w.point(m, points, m.values[place]).SetIntValue(n) })
	}
	if w.e.missing&(1<<probe.GroupSyscalls) != 0 {
		return
	}
	w.double("nodesec.syscall.entropy", entropy(&a.counters))
	if w.e.catalogue.find("nodesec.syscall.calls") != nil {
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
