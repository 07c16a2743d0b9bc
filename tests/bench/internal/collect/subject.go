// SPDX-License-Identifier: Apache-2.0

package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/nodesec/nodesec/receivers/noderesource"
)

// subject is a receiver with settings.
type subject struct {
	name    string
	factory receiver.Factory
	config  map[string]any
	// ours is true for the receiver that has a target, containers if it samples containers.
	ours, containers bool
}

// subjects returns the peer with its default metrics, the peer with the metrics of processes that ours has too, ours
// with the peer's scope, and ours with containers, in this order.
func subjects(interval time.Duration) []subject {
	ours := func(scopes ...any) map[string]any {
		return map[string]any{
			"collection_interval": interval.String(), "scopes": scopes, "processes": map[string]any{"all": true},
		}
	}
	peer, our := hostmetricsreceiver.NewFactory(), noderesource.NewFactory()
	return []subject{
		{name: "hostmetrics", factory: peer, config: hostmetrics(interval, false)},
		{name: "hostmetrics, with more of each process", factory: peer, config: hostmetrics(interval, true)},
		{name: "nodesec, node and processes", factory: our, config: ours("node", "process"), ours: true},
		{name: "nodesec, node, processes and containers", factory: our, config: ours("node", "process", "container"),
			ours: true, containers: true},
	}
}

// hostmetrics has all scrapers that work on any Linux host; nfs needs an NFS mount. more enables what ours tells of
// each process too: its threads, descriptors, faults, context switches, disk operations, age and cgroup.
func hostmetrics(interval time.Duration, more bool) map[string]any {
	scrapers := map[string]any{}
	for _, name := range []string{"cpu", "disk", "filesystem", "load", "memory", "network", "paging", "processes", "system"} {
		scrapers[name] = map[string]any{}
	}
	on := map[string]any{"enabled": more}
	scrapers["process"] = map[string]any{
		"mute_process_all_errors": true,
		"metrics": map[string]any{
			"process.context_switches": on, "process.disk.operations": on, "process.open_file_descriptors": on,
			"process.paging.faults": on, "process.threads": on, "process.uptime": on,
		},
		"resource_attributes": map[string]any{"process.cgroup": on},
	}
	return map[string]any{"collection_interval": interval.String(), "initial_delay": "1ms", "scrapers": scrapers}
}

// run starts the receiver, lets it scrape warm times, and returns what the count scrapes after that have cost
// together. This process does nothing else meanwhile: what it uses from one scrape to the next belongs to the receiver.
func (s *subject) run(ctx context.Context, warm, count int) (out round, err error) {
	config := s.factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(s.config).Unmarshal(config); err != nil {
		return out, fmt.Errorf("configure %s: %w", s.name, err)
	}
	sink := &sink{arrived: make(chan arrival, warm+count)}
	r, err := s.factory.CreateMetrics(ctx, receivertest.NewNopSettings(s.factory.Type()), config, sink)
	if err != nil {
		return out, fmt.Errorf("create %s: %w", s.name, err)
	}
	if err := r.Start(ctx, componenttest.NewNopHost()); err != nil {
		return out, fmt.Errorf("start %s: %w", s.name, err)
	}
	defer func() { err = errors.Join(err, r.Shutdown(ctx)) }()
	var first, last arrival
	for i := range warm + count {
		select {
		case last = <-sink.arrived:
		case <-ctx.Done():
			return out, ctx.Err()
		}
		if i == warm-1 {
			first = last
		}
	}
	return round{
		cpu:         (last.cpu - first.cpu) / time.Duration(count),
		allocations: float64(last.allocations-first.allocations) / float64(count),
		seen:        last.seen,
	}, nil
}
