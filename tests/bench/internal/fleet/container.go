// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	scopeName    = "github.com/nodesec/nodesec/receivers/noderesource"
	scopeVersion = "0.1.0"
)

// container is a running container and the resource that carries its metrics, written again at every tick.
type container struct {
	name, id string
	resource pmetric.ResourceMetrics
	started  time.Time
	random   *rand.Rand
	points   []point
}

// point is a data point, what its metric is and where its values come from.
type point struct {
	data   pmetric.NumberDataPoint
	metric metric
	source source
	sum    float64 // of all ticks, in quanta; for a cumulative sum
}

// start replaces the container by a new one in the pod with the given attributes.
func (c *container) start(pod pcommon.Map, metrics []metric, started time.Time, random *rand.Rand) {
	c.id = fmt.Sprintf("%016x%016x%016x%016x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64())
	c.started = started
	c.random = rand.New(rand.NewPCG(random.Uint64(), random.Uint64()))
	attributes := c.resource.Resource().Attributes()
	pod.CopyTo(attributes)
	attributes.PutStr("k8s.container.name", c.name)
	attributes.PutStr("container.id", c.id)
	attributes.PutStr("container.image.name", "registry.example.com/"+c.name)
	attributes.PutStr("container.image.tag", fmt.Sprintf("1.%d.%d", random.IntN(4), random.IntN(10)))
	attributes.PutStr("container.runtime.name", "containerd")

	c.resource.ScopeMetrics().RemoveIf(func(pmetric.ScopeMetrics) bool { return true })
	scope := c.resource.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(scopeName)
	scope.Scope().SetVersion(scopeVersion)
	idle, limited := random.Float64() < idleShare, random.Float64() < limitedShare
	c.points = c.points[:0]
	for _, m := range metrics {
		if m.name == limitedMetric && !limited {
			continue
		}
		points := m.appendTo(scope.Metrics())
		for _, value := range m.points() {
			p := point{data: points.AppendEmpty(), metric: m, source: newSource(&m, idle, c.random)}
			if m.attribute != "" {
				p.data.Attributes().PutStr(m.attribute, value)
			}
			c.points = append(c.points, p)
		}
	}
}

// appendTo adds the metric without points, and returns where its points belong.
func (m *metric) appendTo(metrics pmetric.MetricSlice) pmetric.NumberDataPointSlice {
	out := metrics.AppendEmpty()
	out.SetName(m.name)
	out.SetUnit(m.unit)
	out.SetDescription("Made up: " + m.name)
	if m.instrument == gauge {
		return out.SetEmptyGauge().DataPoints()
	}
	sum := out.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	if m.instrument == total {
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
	return sum.DataPoints()
}

// measure writes the values of a tick into the data points.
func (c *container) measure(now time.Time, interval time.Duration) {
	uptime := float64(now.Sub(c.started).Milliseconds())
	previous := now.Add(-interval)
	if previous.Before(c.started) {
		previous = c.started
	}
	for i := range c.points {
		p := &c.points[i]
		value := p.source.next(uptime, c.random)
		p.data.SetTimestamp(pcommon.NewTimestampFromTime(now))
		switch p.metric.instrument {
		case delta:
			p.data.SetStartTimestamp(pcommon.NewTimestampFromTime(previous))
		case total:
			p.sum += value
			value = p.sum
			p.data.SetStartTimestamp(pcommon.NewTimestampFromTime(c.started))
		}
		p.set(value)
	}
}

// set writes a number of quanta. It divides as receivers do, since a product with 1e-6 rounds to other doubles.
func (p *point) set(quanta float64) {
	if parts := p.metric.quantum.parts; parts > 0 {
		p.data.SetDoubleValue(quanta / float64(parts))
		return
	}
	p.data.SetIntValue(int64(quanta) * p.metric.quantum.multiple)
}
