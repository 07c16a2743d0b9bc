// SPDX-License-Identifier: Apache-2.0

// Package fleet makes up what the containers of a Kubernetes cluster measure: metrics with the resource attributes
// that k8sattributes gives, values that behave like those of real containers, pods that come and go. The same
// settings always make the same data.
package fleet

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Fleet says how much to make up.
type Fleet struct {
	Nodes, ContainersPerNode int
	Start                    time.Time // the first tick
	Interval                 time.Duration
	Seed                     uint64
}

// Generator makes one tick after another.
type Generator struct {
	fleet   Fleet
	metrics []metric
	pods    []*pod
	data    pmetric.Metrics
	tick    int
	points  int
}

// New returns a generator that stands before the first tick.
func (f Fleet) New() *Generator {
	g := &Generator{fleet: f, metrics: catalogue(), data: pmetric.NewMetrics()}
	for node := range f.Nodes {
		for slot := 0; slot < f.ContainersPerNode; {
			p := newPod(f.Seed, node, slot, f.ContainersPerNode-slot)
			slot += len(p.containers)
			g.pods = append(g.pods, p)
			for _, c := range p.containers {
				c.resource = g.data.ResourceMetrics().AppendEmpty()
			}
		}
	}
	return g
}

// Next returns the metrics of the next tick: one resource for each container. They are valid until the next call.
func (g *Generator) Next() pmetric.Metrics {
	now := g.fleet.Time(g.tick)
	g.points = 0
	for _, p := range g.pods {
		if g.tick == 0 || now.After(p.end) {
			p.start(g.fleet, g.metrics, now, g.tick == 0)
		}
		for _, c := range p.containers {
			c.measure(now, g.fleet.Interval)
			g.points += len(c.points)
		}
	}
	g.tick++
	return g.data
}

// Points is the number of data points of the tick that Next returned last.
func (g *Generator) Points() int { return g.points }

// Time returns the time of a tick.
func (f Fleet) Time(tick int) time.Time { return f.Start.Add(time.Duration(tick) * f.Interval) }

// Lasting returns the node and the ID of a container that runs at all ticks. It needs a first tick.
func (g *Generator) Lasting() (node, containerID string) {
	for _, p := range g.pods {
		if p.workload.lifetime == 0 {
			return nodeName(p.node), p.containers[0].id
		}
	}
	return "", ""
}
