// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// hostmetrics is a scrape of contrib's receiver behind resourcedetection: each scraper makes resources of its own with the
// time it ran at; sums are cumulative since boot.
func hostmetrics(seconds float64) pmetric.Metrics {
	const host = "node-1"
	boot := at(-1000)
	cumulative := func(b build, name string, values ...int64) {
		b.sum(name, values...)
		m := b.sm.Metrics().At(b.sm.Metrics().Len() - 1)
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		m.Sum().SetIsMonotonic(true)
		for _, p := range m.Sum().DataPoints().All() {
			p.SetStartTimestamp(boot)
		}
	}
	return metrics(func(md pmetric.Metrics) {
		cumulative(resource(md, scopeCPU, at(seconds), "host.name", host), "system.cpu.time", 10, 20)
		cumulative(resource(md, scopeMemory, at(seconds+0.001), "host.name", host), "system.memory.usage", 30)
		process := resource(md, contrib+"hostmetricsreceiver/internal/scraper/processscraper", at(seconds+0.002),
			"host.name", host, "process.pid", 7, "process.parent_pid", 1, "process.executable.name", "server")
		cumulative(process, "process.cpu.time", 1, 2, 3)
	})
}

// kubeletstats is a scrape of contrib's receiver with container.id among its extra metadata, behind k8sattributes.
func kubeletstats(seconds float64) pmetric.Metrics {
	ts := at(seconds)
	return metrics(func(md pmetric.Metrics) {
		resource(md, scopeKubelet, ts, "k8s.node.name", "node-1").gauge("k8s.node.cpu.usage", 0.5)
		resource(md, scopeKubelet, ts, "k8s.pod.uid", "u", "k8s.pod.name", "p", "k8s.namespace.name", "shop").
			gauge("k8s.pod.cpu.usage", 0.25)
		id := container(0)[5]
		resource(md, scopeKubelet, ts, "k8s.pod.uid", "u", "k8s.pod.name", "p", "k8s.namespace.name", "shop",
			"k8s.container.name", "app", "container.id", id).gauge("container.cpu.usage", 0.125)
	})
}

func TestHostmetricsAlone(t *testing.T) {
	run(t, func(c *Config) {
		c.Sources = SourcesConfig{Node: []string{"hostmetricsreceiver"}, Process: []string{"processscraper"}}
	}, func(h *harness) {
		for i := range 3 {
			h.sleep(time.Second)
			h.send(hostmetrics(float64(i+1) - 0.2))
			h.expect(
				fmt.Sprintf("node node-1 @%d: cpuscraper memoryscraper, partial 0", i+1),
				fmt.Sprintf("process 7 @%d: processscraper, partial 0", i+1),
			)
		}
		h.send(hostmetrics(3.8))
		for _, rm := range h.take()[0].ResourceMetrics().All() {
			assert.InDelta(t, -200, values(rm)["nodesec.quality.skew_ms"], 3)
			for _, p := range pointsOf(rm) {
				assert.Equal(t, at(4), p.Timestamp)
				assert.Contains(t, []pcommon.Timestamp{0, at(-1000)}, p.Start, "since boot, or a gauge")
			}
		}
		assert.Equal(t, int64(4*6), h.value("sample_snapped_points"))
		assert.Zero(t, h.value("sample_late"))
	})
}

func TestAScrapeBetweenTwoPointsNeitherSkipsNorDoublesOne(t *testing.T) {
	run(t, func(c *Config) { c.Sources = SourcesConfig{Node: []string{"hostmetricsreceiver"}} }, func(h *harness) {
		for i := range 100 {
			h.sleep(time.Second)
			jitter := float64(i%7-3) / 1000
			h.send(hostmetrics(float64(i) + 0.5 + jitter))
		}
		h.sleep(time.Second)
		points := map[string]int{}
		for _, md := range h.take() {
			for _, rm := range md.ResourceMetrics().All() {
				for _, p := range pointsOf(rm) {
					points[fmt.Sprint(p.Key, p.Timestamp)]++
				}
			}
		}
		assert.Equal(t, int64(0), h.value("sample_duplicate_points"))
		assert.GreaterOrEqual(t, len(points), 100*6, "and quality")
	})
}

func TestKubeletstatsBesideOurs(t *testing.T) {
	run(t, func(c *Config) {
		c.Sources.Container = append(c.Sources.Container, "kubeletstatsreceiver")
		c.Wait = 900 * time.Millisecond
	}, func(h *harness) {
		h.sleep(time.Second)
		h.send(noderesource(at(1), 1, 0))
		h.send(nodesecurity(at(1), 1))
		h.expect("node node-1 @1: noderesource nodesecurity, partial 0")
		h.sleep(200 * time.Millisecond)
		h.send(kubeletstats(1.2))
		id := container(0)[5].(string)
		handed := h.take()
		require.Len(t, handed, 1)
		rms := handed[0].ResourceMetrics()
		require.Equal(t, 3, rms.Len())
		assert.Equal(t, "node node-1 @1: kubeletstatsreceiver, partial 1", line(rms.At(0)), "late: not among node's sources")
		whole := rms.At(1)
		assert.Equal(t, "container app @1: noderesource nodesecurity kubeletstatsreceiver, partial 0", line(whole))
		attributes := whole.Resource().Attributes().AsRaw()
		assert.Equal(t, id, attributes["container.id"])
		assert.Equal(t, "shop", attributes["k8s.namespace.name"], "what only the kubelet knows")
		assert.Equal(t, "node-1", attributes["k8s.node.name"], "what only we know")
		assert.InDelta(t, 200, values(whole)["nodesec.quality.skew_ms"], 1e-6)
		assert.InDelta(t, 0.125, values(whole)["container.cpu.usage"], 0)
		h.sleep(time.Second)
		h.expect("pod p @1: kubeletstatsreceiver")
	})
}

func TestASourceThatMeasuresMoreOftenThanTheInterval(t *testing.T) {
	run(t, func(c *Config) { c.Sources = SourcesConfig{} }, func(h *harness) {
		h.sleep(time.Second)
		h.send(hostmetrics(1))
		h.send(hostmetrics(1.1))
		h.sleep(time.Second)
		h.expect("node node-1 @1: cpuscraper memoryscraper", "process 7 @1: processscraper")
		assert.Equal(t, int64(6), h.value("sample_duplicate_points"))
		assert.True(t, h.p.warned)
	})
}
