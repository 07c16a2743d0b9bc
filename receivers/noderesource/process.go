// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"os"
	"time"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// processScraper emits samples of the processes that the table found, or of some of them.
type processScraper struct {
	table    *processTable
	choice   *choice
	profiler profiler
	pageSize uint64
}

func newProcessScraper(cfg *Config, table *processTable, booted time.Time) (*processScraper, error) {
	choice, err := newChoice(&cfg.Processes)
	if err != nil {
		return nil, err
	}
	return &processScraper{
		table: table, choice: choice, pageSize: uint64(os.Getpagesize()),
		profiler: profiler{dir: table.dir, commandLine: cfg.Processes.CommandLine, booted: booted},
	}, nil
}

// scrape emits a sample of each process that the configuration chooses.
func (s *processScraper) scrape(e *emitter) {
	s.choice.begin()
	for _, p := range s.table.list {
		if !p.profile.read && s.choice.needsProfile() {
			s.profiler.read(e, p)
			s.choice.match(p)
		}
		s.choice.consider(p)
	}
	s.choice.end()
	for _, p := range s.table.list {
		if !p.chosen {
			e.notEmitted++
			continue
		}
		p.chosen = false
		s.sample(e, p)
	}
}

func (s *processScraper) sample(e *emitter, p *process) {
	if !p.ran && p.gate.single && !s.table.freshen(e, p) {
		return
	}
	if !p.profile.read {
		s.profiler.read(e, p)
	}
	if !p.profile.built {
		s.profiler.build(e, p)
	}
	s.record(e, p)
	e.emit(&p.life, p.read, int64(p.missing|p.profile.missing), p.profile.resource)
}

func (s *processScraper) record(e *emitter, p *process) {
	mb, ts := e.mb, e.timestamp()
	s.recordCPU(e, p)
	s.recordIO(e, p)
	if v, ok := p.sum(processMinorFaults); ok {
		mb.RecordProcessPagingFaultsDataPoint(ts, int64(v), metadata.AttributeSystemPagingFaultTypeMinor)
	}
	if v, ok := p.sum(processMajorFaults); ok {
		mb.RecordProcessPagingFaultsDataPoint(ts, int64(v), metadata.AttributeSystemPagingFaultTypeMajor)
	}
	mb.RecordProcessMemoryUsageDataPoint(ts, int64(p.stat.RSS*s.pageSize))
	mb.RecordProcessMemoryVirtualDataPoint(ts, int64(p.stat.VirtualSize))
	if n := p.status.RSSShmem; n.Known {
		mb.RecordNodesecMemoryShmemDataPoint(ts, int64(n.Value))
	}
	if n := p.status.Swap; n.Known {
		mb.RecordNodesecMemorySwapDataPoint(ts, int64(n.Value))
	}
	if n := p.fileDescriptors; n.Known {
		mb.RecordProcessUnixFileDescriptorCountDataPoint(ts, int64(n.Value))
	}
	mb.RecordProcessThreadCountDataPoint(ts, int64(p.stat.Threads))
	mb.RecordNodesecProcessNiceDataPoint(ts, p.stat.Nice)
	if state, ok := stateOf(p.stat.State); ok {
		// The attribute's values count from 1, the metric's from 0.
		mb.RecordNodesecProcessStateDataPoint(ts, int64(state-metadata.AttributeProcessStateRunning))
	}
	mb.RecordProcessUptimeDataPoint(ts, (p.read - p.life.born).Seconds())
}

func (s *processScraper) recordCPU(e *emitter, p *process) {
	mb, ts := e.mb, e.timestamp()
	if v, ok := p.sum(processUserTime); ok {
		mb.RecordProcessCPUTimeDataPoint(ts, float64(v)/procfs.UserHZ, metadata.AttributeCPUModeUser)
	}
	if v, ok := p.sum(processSystemTime); ok {
		mb.RecordProcessCPUTimeDataPoint(ts, float64(v)/procfs.UserHZ, metadata.AttributeCPUModeSystem)
	}
	if v, ok := p.sum(processRunDelay); ok {
		mb.RecordNodesecRunQueueDelayDataPoint(ts, time.Duration(v).Seconds())
	}
	if v, ok := p.sum(processVoluntary); ok {
		mb.RecordProcessContextSwitchesDataPoint(ts, int64(v), metadata.AttributeProcessContextSwitchTypeVoluntary)
	}
	if v, ok := p.sum(processInvoluntary); ok {
		mb.RecordProcessContextSwitchesDataPoint(ts, int64(v), metadata.AttributeProcessContextSwitchTypeInvoluntary)
	}
}

func (s *processScraper) recordIO(e *emitter, p *process) {
	mb, ts := e.mb, e.timestamp()
	if v, ok := p.sum(processReadBytes); ok {
		mb.RecordProcessDiskIoDataPoint(ts, int64(v), metadata.AttributeDiskIoDirectionRead)
	}
	if v, ok := p.sum(processWrittenBytes); ok {
		mb.RecordProcessDiskIoDataPoint(ts, int64(v), metadata.AttributeDiskIoDirectionWrite)
	}
	if v, ok := p.sum(processReadChars); ok {
		mb.RecordNodesecIoBytesDataPoint(ts, int64(v), metadata.AttributeDiskIoDirectionRead)
	}
	if v, ok := p.sum(processWrittenChars); ok {
		mb.RecordNodesecIoBytesDataPoint(ts, int64(v), metadata.AttributeDiskIoDirectionWrite)
	}
	if v, ok := p.sum(processReadCalls); ok {
		mb.RecordNodesecIoOperationsDataPoint(ts, int64(v), metadata.AttributeDiskIoDirectionRead)
	}
	if v, ok := p.sum(processWriteCalls); ok {
		mb.RecordNodesecIoOperationsDataPoint(ts, int64(v), metadata.AttributeDiskIoDirectionWrite)
	}
}
