// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

func (s *nodeScraper) recordMeminfo(*emitter) {
	r, mb, m := &s.record, s.record.mb, &s.meminfo
	r.gauge(mb.RecordSystemMemoryLimitDataPoint, m.MemTotal)
	r.gauge(mb.RecordSystemMemoryLinuxAvailableDataPoint, m.MemAvailable)
	r.gauge(mb.RecordSystemMemoryLinuxSharedDataPoint, m.Shmem)

	gaugeBy(r, mb.RecordSystemMemoryUsageDataPoint, metadata.AttributeSystemMemoryStateUsed,
		without(m.MemTotal, m.MemFree, m.Buffers, m.Cached))
	gaugeBy(r, mb.RecordSystemMemoryUsageDataPoint, metadata.AttributeSystemMemoryStateFree, m.MemFree)
	gaugeBy(r, mb.RecordSystemMemoryUsageDataPoint, metadata.AttributeSystemMemoryStateBuffers, m.Buffers)
	gaugeBy(r, mb.RecordSystemMemoryUsageDataPoint, metadata.AttributeSystemMemoryStateCached, m.Cached)

	slab := mb.RecordSystemMemoryLinuxSlabUsageDataPoint
	gaugeBy(r, slab, metadata.AttributeSystemMemoryLinuxSlabStateReclaimable, m.SReclaimable)
	gaugeBy(r, slab, metadata.AttributeSystemMemoryLinuxSlabStateUnreclaimable, m.SUnreclaim)

	hugePages := mb.RecordSystemMemoryLinuxHugepagesUsageDataPoint
	gaugeBy(r, hugePages, metadata.AttributeSystemMemoryLinuxHugepagesStateUsed,
		without(m.HugePagesTotal, m.HugePagesFree))
	gaugeBy(r, hugePages, metadata.AttributeSystemMemoryLinuxHugepagesStateFree, m.HugePagesFree)

	gaugeBy(r, mb.RecordSystemPagingUsageDataPoint, metadata.AttributeSystemPagingStateUsed,
		without(m.SwapTotal, m.SwapFree))
	gaugeBy(r, mb.RecordSystemPagingUsageDataPoint, metadata.AttributeSystemPagingStateFree, m.SwapFree)

	r.gauge(mb.RecordNodesecMemoryAnonymousDataPoint, m.AnonPages)
	r.gauge(mb.RecordNodesecMemoryMappedDataPoint, m.Mapped)
	r.gauge(mb.RecordNodesecMemoryDirtyDataPoint, m.Dirty)
	r.gauge(mb.RecordNodesecMemoryWritebackDataPoint, m.Writeback)
	r.gauge(mb.RecordNodesecMemoryUnevictableDataPoint, m.Unevictable)
	r.gauge(mb.RecordNodesecMemoryKernelStackDataPoint, m.KernelStack)
	r.gauge(mb.RecordNodesecMemoryPageTablesDataPoint, m.PageTables)
	r.gauge(mb.RecordNodesecMemoryCommittedDataPoint, m.CommittedAS)
	r.ratio(mb.RecordNodesecMemoryCommitRatioDataPoint, m.CommittedAS, m.CommitLimit)
}

// without is what the parts leave of the whole. The kernel takes its numbers one after the other, so the parts may be
// more than the whole.
func without(whole procfs.Number, parts ...procfs.Number) procfs.Number {
	for _, part := range parts {
		whole.Value -= min(whole.Value, part.Value)
		whole.Known = whole.Known && part.Known
	}
	return whole
}

func (s *nodeScraper) recordVmstat(*emitter) {
	r, mb, v := &s.record, s.record.mb, &s.vmstat
	faults, knowsFaults := r.growth(counterFaults, v.PgFault)
	major, knowsMajor := r.growth(counterMajorFaults, v.PgMajFault)
	if knowsFaults && knowsMajor {
		minor := faults - min(faults, major)
		mb.RecordSystemPagingFaultsDataPoint(r.ts, int64(major), metadata.AttributeSystemPagingFaultTypeMajor)
		mb.RecordSystemPagingFaultsDataPoint(r.ts, int64(minor), metadata.AttributeSystemPagingFaultTypeMinor)
	}
	swap := mb.RecordSystemPagingOperationsDataPoint
	countBy(r, swap, metadata.AttributeSystemPagingDirectionIn, counterSwapIn, v.PswpIn)
	countBy(r, swap, metadata.AttributeSystemPagingDirectionOut, counterSwapOut, v.PswpOut)
	r.count(mb.RecordNodesecMemoryDirectReclaimDataPoint, counterDirectReclaim, v.PgScanDirect)
	r.count(mb.RecordNodesecMemoryOomKillsDataPoint, counterOOMKills, v.OOMKill)
}
