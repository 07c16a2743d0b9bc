// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/nodesec/nodesec/internal/check"
	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/internal/feature"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// checkInterval is the time between the two samples of Check: counters have no growth in the first.
const checkInterval = 100 * time.Millisecond

// Check takes two samples of all entities of this host and tells what is in them. It takes a bit more than checkInterval.
func Check(cfg *Config) []check.Group {
	all := *cfg
	all.Scopes = nil
	all.Processes.All = true
	found := newFindings()
	settings := receiver.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: component.TelemetrySettings{
		Logger: zap.NewNop(), MeterProvider: noop.NewMeterProvider(), TracerProvider: nooptrace.NewTracerProvider(),
		Resource: pcommon.NewResource(),
	}}
	s, err := newScraper(&all, settings, hostClock())
	if err != nil {
		return found.groups(err)
	}
	defer func() { _ = s.close() }()
	at := func() tick.Tick { return tick.Tick{Time: time.Now(), Interval: checkInterval} }
	s.scrape(context.Background(), at())
	time.Sleep(checkInterval)
	metrics := s.scrape(context.Background(), at())
	for _, sample := range metrics.ResourceMetrics().All() {
		found.add(sample)
	}
	return found.groups(nil)
}

// findings are what samples have in them, by scope.
type findings map[entity.Scope]*finding

type finding struct {
	source   string
	features map[string]bool
	entities int
	missing  map[source]int // how many samples lack the source
}

func newFindings() findings {
	f := findings{
		entity.Node:      {source: "/proc, /sys"},
		entity.Container: {source: "/sys/fs/cgroup, /proc/PID/net"},
		entity.Process:   {source: "/proc/PID"},
	}
	for _, one := range f {
		one.features, one.missing = map[string]bool{}, map[source]int{}
	}
	return f
}

// add takes a sample.
func (f findings) add(sample pmetric.ResourceMetrics) {
	identity := entity.Of(sample.Resource().Attributes())
	of := f[identity.Scope]
	if of == nil {
		return
	}
	of.entities++
	for _, scope := range sample.ScopeMetrics().All() {
		for _, m := range scope.Metrics().All() {
			points := pointsOf(m)
			for _, point := range points.All() {
				of.features[feature.Name(m.Name(), point.Attributes())] = true
			}
			if m.Name() == "nodesec.quality.missing" {
				of.lack(source(points.At(0).IntValue()))
			}
		}
	}
}

func pointsOf(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeSum {
		return m.Sum().DataPoints()
	}
	return m.Gauge().DataPoints()
}

func (f *finding) lack(missing source) {
	for bit := source(1); bit > 0 && bit <= missing; bit <<= 1 {
		if missing&bit != 0 {
			f.missing[bit]++
		}
	}
}

// groups tells the findings. err is why there are none.
func (f findings) groups(err error) (groups []check.Group) {
	own := check.Effective()
	mayReadAll := own.Has(check.CapSysPtrace) && own.Has(check.CapDACReadSearch)
	for _, scope := range []entity.Scope{entity.Node, entity.Container, entity.Process} {
		of := f[scope]
		g := check.Group{Name: "resource." + scope.String(), Source: of.source, Features: len(of.features)}
		for bit := source(1); bit <= sourceNamespaceNet; bit <<= 1 {
			n := of.missing[bit]
			if scope == entity.Container && bit <= sourceProcessCgroup { // tells of processes what their own scope does
				continue
			}
			if bit <= sourceProcessCgroup && mayReadAll && n < of.entities/2 { // defunct, or protected by a security module
				continue
			}
			if n > 0 {
				g.Reasons = append(g.Reasons, lacking(bit, n, of.entities))
			}
		}
		if of.entities == 0 {
			g.Reasons = append(g.Reasons, nothingFound(scope, err))
		}
		g.Judge(of.entities > 0)
		groups = append(groups, g)
	}
	return groups
}

func nothingFound(scope entity.Scope, err error) check.Reason {
	switch {
	case err != nil:
		return check.Reason{Why: err.Error(), Help: "mount the node's /proc below root_path, without hidepid"}
	case scope == entity.Container:
		return check.Reason{Why: "no cgroups, or none with processes", Help: "mount the node's /sys/fs/cgroup below root_path"}
	default:
		return check.Reason{Why: "nothing could be read"}
	}
}

// lacking says what could not be read in n of so many samples.
func lacking(bit source, n, of int) check.Reason {
	name, help := describeSource(bit)
	if of > 1 {
		name = fmt.Sprintf("%s unreadable for %d of %d", name, n, of)
	} else {
		name += " unreadable"
	}
	return check.Reason{Why: name, Help: help}
}

const (
	helpPSI        = "a kernel with CONFIG_PSI, booted with psi=1"
	helpController = "mount and enable the cgroup controllers cpu, cpuacct, memory, blkio (v2: io) and pids for all cgroups"
)

// describeSource names a source and what would help to have it.
func describeSource(bit source) (name, help string) {
	name = sourceNames()[bits.TrailingZeros64(uint64(bit))]
	switch bit {
	case sourceProcessIO, sourceProcessFD, sourceProcessExe, sourceNamespaceNet:
		help = check.HelpReadAll
	case sourceProcessSchedstat:
		help = "a kernel with CONFIG_SCHED_INFO"
	case sourcePressure:
		help = helpPSI
	case sourceConntrack:
		help = "nothing to do: it is there while the kernel tracks connections (nf_conntrack)"
	case sourceCgroupPressure:
		help = "cgroup v2, and " + helpPSI
	case sourceCgroupCPU, sourceCgroupCPUBandwidth, sourceCgroupMemory, sourceCgroupIO, sourceCgroupPIDs:
		help = helpController
	case sourceProcessStatus, sourceProcessCmdline, sourceProcessCgroup:
		help = "mount /proc without hidepid"
	}
	return name, help
}

// sourceNames are the names of the sources in the order of their bits.
func sourceNames() []string {
	return []string{
		"/proc/PID/status", "/proc/PID/io", "/proc/PID/fd", "/proc/PID/schedstat", "/proc/PID/exe", "/proc/PID/cmdline",
		"/proc/PID/cgroup",
		"/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/meminfo", "/proc/vmstat", "/proc/pressure", "/proc/diskstats",
		"/proc/self/mountinfo", "/proc/net/dev", "/proc/net/snmp", "/proc/net/netstat", "/proc/net/sockstat",
		"/proc/net/protocols", "sock_diag", "/proc/net/arp", "nf_conntrack_count", "/proc/sys/fs/file-nr",
		"/proc/sys/fs/inode-nr", "entropy_avail", "adjtimex",
		"cpu.stat", "cpu.max or cpu.cfs_*", "memory.*", "io.stat or blkio.throttle.*", "pids.*", "*.pressure of cgroups",
		"/proc/PID/net",
	}
}
