// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/cri"
	"github.com/nodesec/nodesec/receivers/internal/host"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// scraper takes the samples of all entities at one tick. The walk over the processes comes first: the samples of
// containers and of the node need what it found.
type scraper struct {
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	emitter   emitter
	table     *processTable

	// The scopes; nil if not asked for, or if the node lacks what they measure.
	processes  *processScraper
	containers *containerScraper
	node       *nodeScraper
}

// newScraper returns a scraper of what is below the root path. It fails if there is no proc file system.
func newScraper(cfg *Config, settings receiver.Settings, c clock) (*scraper, error) {
	root := cfg.root()
	booted, err := bootTime(root)
	if err != nil {
		return nil, err
	}
	telemetry, err := metadata.NewTelemetryBuilder(settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	s := &scraper{logger: settings.Logger, telemetry: telemetry, emitter: newEmitter(cfg, settings, c)}
	if s.emitter.hostName, err = host.Name(root); err != nil {
		s.logger.Warn("Samples have no host.name", zap.Error(err))
	}
	if s.emitter.runtime, err = cri.Watch(root); err != nil {
		s.logger.Warn("Containers that live for less than a tick may have no names", zap.Error(err))
	}
	hierarchy, err := cgroup.Detect(root)
	if err != nil {
		s.logger.Warn("No containers are sampled", zap.Error(err))
	}
	if s.table, err = newProcessTable(root, hierarchy); err != nil {
		s.emitter.runtime.Close()
		return nil, err
	}
	if why := check.Effective().Lacks(check.CapSysPtrace, check.CapDACReadSearch); why != "" {
		s.logger.Warn("Processes of other users do not tell what they read and write", zap.String("why", why),
			zap.String("help", check.HelpReadAll))
	}
	if cfg.samples(scopeProcess) {
		if s.processes, err = newProcessScraper(cfg, s.table, booted); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if cfg.samples(scopeContainer) && hierarchy != nil {
		s.containers = newContainerScraper(root, hierarchy, cfg.Containers.Units)
	}
	if cfg.samples(scopeNode) {
		s.node = newNodeScraper(root, nodeOptions{logger: s.logger, maxDevices: cfg.Devices.Max})
	}
	return s, nil
}

func (s *scraper) close() error {
	if s.containers != nil {
		s.containers.close()
	}
	s.emitter.runtime.Close()
	s.telemetry.Shutdown()
	return s.table.close()
}

// scrape returns the samples of this tick. What fails costs its own samples only: it is logged and counted.
func (s *scraper) scrape(ctx context.Context, t tick.Tick) pmetric.Metrics {
	e := &s.emitter
	e.begin(t)
	var errs []error
	fail := func(scope string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", scope, err))
		}
	}
	fail("processes", s.table.refresh(e))
	if s.processes != nil {
		s.processes.scrape(e)
	}
	counts := s.table.counts
	if s.containers != nil {
		sampled, err := s.containers.scrape(e, s.table)
		fail(scopeContainer, err)
		counts.containers, counts.knowsContainers = int64(sampled), err == nil
	}
	if s.node != nil {
		fail(scopeNode, s.node.scrape(e, counts))
	}
	if len(errs) > 0 {
		s.logger.Warn("Samples are incomplete", zap.Time("tick", t.Time), zap.Error(errors.Join(errs...)))
	}
	s.observe(ctx, t)
	return e.end()
}

// observe updates the receiver's own metrics.
func (s *scraper) observe(ctx context.Context, t tick.Tick) {
	e := &s.emitter
	s.telemetry.NoderesourceScrapes.Add(ctx, 1)
	s.telemetry.NoderesourceMissedTicks.Add(ctx, int64(t.Missed))
	s.telemetry.NoderesourceVanished.Add(ctx, e.vanished)
	s.telemetry.NoderesourceReadErrors.Add(ctx, e.readErrors)
	s.telemetry.NoderesourceNotEmitted.Add(ctx, e.notEmitted)
	s.telemetry.NoderesourceSkew.Record(ctx, e.started.Sub(t.Time).Seconds())
	s.telemetry.NoderesourceScrapeDuration.Record(ctx, (e.clock.boot() - e.startedBoot).Seconds())
}

// setCumulative sets the temporality of all sums, which the generated builder makes delta.
func setCumulative(metrics pmetric.Metrics) {
	for _, resource := range metrics.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if metric.Type() == pmetric.MetricTypeSum {
					metric.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
				}
			}
		}
	}
}

// bootTime returns when the machine whose root file system is at root booted.
func bootTime(root string) (time.Time, error) {
	var reader procfs.Reader
	path := filepath.Join(root, "proc/stat")
	data, err := reader.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	booted, err := procfs.BootTime(data)
	if err != nil {
		return time.Time{}, fmt.Errorf("parse %s: %w", path, err)
	}
	return booted, nil
}
