// SPDX-License-Identifier: Apache-2.0

package collect

import (
	"context"
	"runtime"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/tests/bench/internal/measure"
)

// round is what a receiver used for one scrape, the mean of some in a row, so that collecting their garbage is in it.
type round struct {
	cpu         time.Duration
	allocations float64
	seen        seen // in the last scrape
}

// seen is what the metrics of one scrape are about.
type seen struct{ points, processes, containers int }

// arrival is the moment at which a scrape's metrics came.
type arrival struct {
	cpu         time.Duration // used by this process so far
	allocations uint64        // by this process so far
	seen        seen
}

// sink takes the metrics of a receiver. A receiver hands over each scrape in one call.
type sink struct{ arrived chan arrival }

func (s *sink) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *sink) ConsumeMetrics(_ context.Context, data pmetric.Metrics) error {
	cpu, err := measure.CPU()
	if err != nil {
		return err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	select {
	case s.arrived <- arrival{cpu: cpu, allocations: memory.Mallocs, seen: look(data)}:
	default: // enough scrapes have come
	}
	return nil
}

func look(data pmetric.Metrics) seen {
	out := seen{points: data.DataPointCount()}
	for _, resource := range data.ResourceMetrics().All() {
		attributes := resource.Resource().Attributes()
		if _, ok := attributes.Get("process.pid"); ok {
			out.processes++
		} else if _, ok := attributes.Get("container.id"); ok {
			out.containers++
		}
	}
	return out
}
