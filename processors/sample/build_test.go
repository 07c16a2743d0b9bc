// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	scopeResource = "github.com/nodesec/nodesec/receivers/noderesource"
	scopeSecurity = "github.com/nodesec/nodesec/receivers/nodesecurity"
	contrib       = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/"
	scopeCPU      = contrib + "hostmetricsreceiver/internal/scraper/cpuscraper"
	scopeMemory   = contrib + "hostmetricsreceiver/internal/scraper/memoryscraper"
	scopeKubelet  = contrib + "kubeletstatsreceiver"
)

// start is a point of the grid of all tests, and when synctest's clock starts.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(start.Add(time.Duration(math.Round(seconds * 1e9))))
}

// build writes metrics as receivers do.
type build struct {
	sm pmetric.ScopeMetrics
	ts pcommon.Timestamp
}

func resource(md pmetric.Metrics, scope string, ts pcommon.Timestamp, attributes ...any) build {
	rm := md.ResourceMetrics().AppendEmpty()
	for i := 0; i < len(attributes); i += 2 {
		_ = rm.Resource().Attributes().PutEmpty(attributes[i].(string)).FromRaw(attributes[i+1])
	}
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(scope)
	sm.Scope().SetVersion("1")
	return build{sm, ts}
}

func (b build) gauge(name string, value any, attributes ...string) build {
	m := b.sm.Metrics().AppendEmpty()
	m.SetName(name)
	return b.point(m.SetEmptyGauge().DataPoints(), value, attributes...)
}

// sum is a delta over the second before.
func (b build) sum(name string, values ...int64) build {
	m := b.sm.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	for i, value := range values {
		b.point(m.Sum().DataPoints(), value, "kind", fmt.Sprint("k", i))
		m.Sum().DataPoints().At(i).SetStartTimestamp(b.ts - pcommon.Timestamp(time.Second))
	}
	return b
}

func (b build) point(points pmetric.NumberDataPointSlice, value any, attributes ...string) build {
	p := points.AppendEmpty()
	p.SetTimestamp(b.ts)
	switch value := value.(type) {
	case int:
		p.SetIntValue(int64(value))
	case int64:
		p.SetIntValue(value)
	case float64:
		p.SetDoubleValue(value)
	}
	for i := 0; i < len(attributes); i += 2 {
		p.Attributes().PutStr(attributes[i], attributes[i+1])
	}
	return b
}

func (b build) quality(missing int, skew float64, first, missed int) build {
	return b.gauge("nodesec.quality.first", first).gauge("nodesec.quality.missed_ticks", missed).
		gauge("nodesec.quality.missing", missing).gauge("nodesec.quality.skew_ms", skew)
}

// container is what our receivers say of a container.
func container(i int) []any {
	id := fmt.Sprintf("%064d", i)
	return []any{
		"host.name", "node-1", "k8s.node.name", "node-1", "container.id", id, "container.runtime.name", "containerd",
		"k8s.pod.uid", fmt.Sprintf("00000000-0000-0000-0000-%012d", i), "nodesec.pod.qos_class", "Burstable",
		"nodesec.cgroup.path", "/kubepods/burstable/pod/" + id,
	}
}

// noderesource is a scrape of our receiver: processes, containers, and the node.
func noderesource(ts pcommon.Timestamp, containers, processes int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for i := range processes {
		b := resource(md, scopeResource, ts, "host.name", "node-1", "k8s.node.name", "node-1", "process.pid", 100+i,
			"process.creation.time", "2026-01-01T00:00:00Z", "process.executable.name", "server")
		b.features("process", 12, 2).quality(0, 1.5, 0, 0)
	}
	for i := range containers {
		resource(md, scopeResource, ts, container(i)...).features("container", 26, 2).quality(1<<28, 2.5, 0, 0)
	}
	node := resource(md, scopeResource, ts, "host.name", "node-1", "k8s.node.name", "node-1")
	node.features("system", 60, 3).quality(0, 3.5, 0, 1)
	return md
}

// nodesecurity is a scrape of our receiver: containers, the rest of the node, and the node.
func nodesecurity(ts pcommon.Timestamp, containers int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for i := range containers {
		resource(md, scopeSecurity, ts, container(i)...).features("nodesec", 40, 4).quality(1<<34, 0.5, 1, 0).
			gauge("nodesec.quality.attribution", 0)
	}
	resource(md, scopeSecurity, ts, "host.name", "node-1", "k8s.node.name", "node-1", "nodesec.cgroup.path", "/").
		features("nodesec", 40, 4).quality(1<<34, 0.5, 1, 0)
	resource(md, scopeSecurity, ts, "host.name", "node-1", "k8s.node.name", "node-1").
		features("nodesec", 50, 4).sum("nodesec.quality.lost").quality(1<<34, 0.5, 1, 0)
	return md
}

// features appends sums of so many points each.
func (b build) features(prefix string, metrics, points int) build {
	b.sm.Metrics().EnsureCapacity(metrics)
	values := make([]int64, points)
	for i := range metrics {
		b.sum(featureNames[prefix][i], values...)
	}
	return b
}

// featureNames are constants in real receivers.
var featureNames = func() map[string][]string {
	names := map[string][]string{}
	for _, prefix := range []string{"process", "container", "system", "nodesec"} {
		for i := range 100 {
			names[prefix] = append(names[prefix], fmt.Sprintf("%s.some.feature.%d", prefix, i))
		}
	}
	return names
}()
