// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/cri"
	"github.com/nodesec/nodesec/receivers/internal/host"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// scraper takes the samples of all entities at one tick.
type scraper struct {
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	emitter   *emitter
	maxEvents int

	tree        *cgroup.Tree
	mount       string       // of the cgroups
	probe       *probe.Probe // nil if there is none
	runtime     *cri.Containers
	attribution *attribution
	postures    *postures // nil if not asked for

	lost, dropped, newsLost uint64 // as of the previous tick
}

// newScraper loads the BPF programs and opens what posture is read from. What this host lacks costs its features only,
// and is said once.
func newScraper(cfg *Config, settings receiver.Settings) (_ *scraper, err error) {
	telemetry, err := metadata.NewTelemetryBuilder(settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	s := &scraper{logger: settings.Logger, telemetry: telemetry, maxEvents: cfg.Events.MaxPerTick}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	hierarchy, err := cgroup.Detect(cfg.root())
	if err != nil {
		s.logger.Warn("No containers are told apart", zap.Error(err))
	} else {
		s.tree, s.mount = cgroup.NewTree(hierarchy, cfg.Containers.Units), hierarchy.Main.Dir
		if err := s.tree.Refresh(); err != nil {
			return nil, err
		}
	}
	names := &names{attributes: cfg.ResourceAttributes, node: cfg.NodeName}
	if names.host, err = host.Name(cfg.root()); err != nil {
		s.logger.Warn("Samples have no host.name", zap.Error(err))
	}
	if names.runtime, err = cri.Watch(cfg.root()); err != nil {
		s.logger.Warn("Containers that live for less than a tick may have no names", zap.Error(err))
	}
	s.runtime = names.runtime
	var source counting = nothing{}
	if cfg.BPF.Enabled {
		if s.probe, err = loadProbe(cfg, hierarchy, s.tree); err != nil {
			here := readCircumstances(cfg.root())
			s.report("Nothing is counted in the kernel", here.diagnose(err))
		} else {
			source = s.probe
		}
	}
	known, err := readCatalogue()
	if err != nil {
		return nil, err
	}
	s.attribution = newAttribution(source, s.tree, names, host.SinceBoot())
	s.emitter = newEmitter(cfg, known, settings.BuildInfo.Version, s.missing())
	if cfg.Posture.Enabled {
		if why := check.Effective().Lacks(check.CapSysPtrace); why != "" {
			s.report("Namespaces of containers are not known, and their posture is incomplete",
				check.Reason{Why: why, Help: check.HelpReadAll})
		}
		if s.postures, err = newPostures(cfg.root(), hierarchy, cfg.Posture.Interval); err != nil {
			return nil, fmt.Errorf("read posture: %w", err)
		}
	}
	return s, s.begin(cfg.root())
}

// begin starts what runs beside the sampling.
func (s *scraper) begin(root string) error {
	if s.probe != nil {
		s.reportMissing(root)
	}
	if s.postures != nil {
		return s.postures.start()
	}
	return nil
}

// allGroups has the bits of all groups of features.
const allGroups = 1<<probe.Groups - 1

// missing has the bits of the groups of features that are not counted.
func (s *scraper) missing() uint64 {
	if s.probe == nil {
		return allGroups
	}
	return s.probe.Missing()
}

// reportMissing says once which groups of features are not counted, why and what would help.
func (s *scraper) reportMissing(root string) {
	here := readCircumstances(root)
	for group := range probe.Groups {
		for _, reason := range here.diagnoseGroup(group, s.probe.Status()) {
			s.report("Features are not counted", reason, zap.Stringer("group", group))
		}
	}
}

// report logs a reason, as a warning: an error would come with a stack trace. The whole error, which may be as long as the
// log of the kernel's verifier, is for debugging.
func (s *scraper) report(message string, reason check.Reason, fields ...zap.Field) {
	s.logger.Warn(message, append(fields, zap.String("why", reason.Why), zap.String("help", reason.Help))...)
	s.logger.Debug(message, append(fields, zap.String("detail", reason.Detail))...)
}

func (s *scraper) close() error {
	var errs []error
	if s.postures != nil {
		errs = append(errs, s.postures.close())
	}
	if s.probe != nil {
		errs = append(errs, s.probe.Close())
	}
	if s.tree != nil {
		s.tree.Close()
	}
	s.runtime.Close()
	s.telemetry.Shutdown()
	return errors.Join(errs...)
}

// scrape returns the samples and the log records of this tick. What fails is logged.
func (s *scraper) scrape(ctx context.Context, t tick.Tick) (pmetric.Metrics, plog.Logs) {
	wall, now := time.Now(), host.SinceBoot()
	q := quality{tick: t, skew: wall.Sub(t.Time), missing: int64(s.emitter.missing << firstSource)}
	s.emitter.begin(t.Time)
	a := s.attribution
	err := errors.Join(a.source.BeginTick(wall, now), a.refresh(now))
	if s.postures != nil {
		s.postures.refresh(a.entities, now)
	}
	events, eventsErr := s.events(t.Time)
	lost := s.countLost(ctx)
	for _, e := range s.entities() {
		s.write(e, q, now)
	}
	s.writeNode(q, now, lost)
	err = errors.Join(err, eventsErr, a.forget(func(id uint64) bool { return isCgroup(s.mount, id) }))
	if err != nil {
		s.logger.Warn("Samples are incomplete", zap.Time("tick", t.Time), zap.Error(err))
	}
	s.telemetry.NodesecurityScrapes.Add(ctx, 1)
	s.telemetry.NodesecurityMissedTicks.Add(ctx, int64(t.Missed))
	s.telemetry.NodesecuritySkew.Record(ctx, q.skew.Seconds())
	s.telemetry.NodesecurityScrapeDuration.Record(ctx, (host.SinceBoot() - now).Seconds())
	return s.emitter.samples, events
}

// firstSource is the first bit of quality_missing that is ours; those before are noderesource's.
const firstSource = 34

// entities are the containers to write, in the order of their paths: those that are there, and those that counted
// something before they went.
func (s *scraper) entities() (list []*entity) {
	known := s.attribution.entities
	list = make([]*entity, 0, len(known)+1)
	if s.tree != nil {
		for _, c := range s.tree.Containers() {
			if e := known[c]; e != nil {
				list = append(list, e)
			}
		}
	}
	if len(list) < len(known) {
		list = withGone(list, known)
	}
	if s.probe != nil {
		list = append(list, s.attribution.outside)
	}
	return list
}

// withGone adds the containers that counted something before they went to those that are there.
func withGone(list []*entity, known map[*cgroup.Container]*entity) []*entity {
	there := make(map[*entity]bool, len(list))
	for _, e := range list {
		there[e] = true
	}
	for _, e := range known {
		if e.active && !there[e] {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entity) int { return strings.Compare(a.container.Path, b.container.Path) })
	return list
}

func (s *scraper) write(e *entity, q quality, now time.Duration) {
	w := s.writer(e, q, now)
	w.activity(&e.activity, false)
	if s.postures != nil && e.container != nil {
		if e.shown == nil {
			show := s.emitter.show(s.postures.metrics, e.facts)
			e.shown = &show
		}
		w.posture(s.postures.metrics, e.shown)
	}
	e.write(&w, q, now)
}

func (s *scraper) writeNode(q quality, now time.Duration, lost int64) {
	e := s.attribution.node
	w := s.writer(e, q, now)
	w.activity(&e.activity, true)
	if s.postures != nil {
		show := s.emitter.show(s.postures.metrics, s.postures.node())
		w.posture(s.postures.metrics, &show)
		w.containers(s.attribution.entities)
	}
	if s.emitter.missing != allGroups { // where nothing is counted nothing can be lost
		w.count("nodesec.quality.lost", lost)
	}
	e.write(&w, q, now)
}

func (s *scraper) writer(e *entity, q quality, now time.Duration) writer {
	return s.emitter.sample(e.resource, q.tick.Time.Add(-e.window(now, s.emitter.cumulative)), &e.totals)
}

// countLost returns how many events were lost in the tick, and updates the receiver's own metrics.
func (s *scraper) countLost(ctx context.Context) int64 {
	unattributed, events, news := s.attribution.source.Lost()
	lost := unattributed + s.attribution.source.Skipped()
	grown := lost - s.lost
	s.telemetry.NodesecurityLost.Add(ctx, int64(grown))
	s.telemetry.NodesecurityEventsDropped.Add(ctx, int64(events-s.dropped))
	s.telemetry.NodesecurityNewsLost.Add(ctx, int64(news-s.newsLost))
	if s.postures != nil {
		s.telemetry.NodesecurityPostureErrors.Add(ctx, s.postures.takeErrors())
	}
	s.lost, s.dropped, s.newsLost = lost, events, news
	return int64(grown)
}

// nothing counts nothing: where there are no BPF programs.
type nothing struct{}

func (nothing) BeginTick(time.Time, time.Duration) error     { return nil }
func (nothing) News(func(probe.CgroupNews)) error            { return nil }
func (nothing) Events(int, func(probe.Event)) error          { return nil }
func (nothing) Slots() iter.Seq[probe.Slot]                  { return func(func(probe.Slot) bool) {} }
func (nothing) Read(uint32, *probe.Counters) error           { return nil }
func (nothing) TakeDistinct(uint32, *probe.Distinct) error   { return nil }
func (nothing) SetMade(uint32, time.Time) error              { return nil }
func (nothing) Release(probe.Slot) error                     { return nil }
func (nothing) Lost() (unattributed, events, cgroups uint64) { return 0, 0, 0 }
func (nothing) Skipped() uint64                              { return 0 }
