// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

func (r *containerRecorder) recordMemory(s *cgroup.Stats) {
	mb := r.mb
	r.gauge(mb.RecordContainerMemoryUsageDataPoint, s.MemoryUsage)
	r.gauge(mb.RecordNodesecMemorySwapDataPoint, s.MemorySwap)
	workingSet, ok := s.WorkingSet()
	if ok {
		mb.RecordContainerMemoryWorkingSetDataPoint(r.ts, int64(workingSet))
	}
	if limit := s.MemoryMax; limit.Known {
		mb.RecordNodesecMemoryLimitDataPoint(r.ts, int64(limit.Value))
		r.ratio(mb.RecordNodesecMemoryLimitRatioDataPoint, s.MemoryUsage, limit)
		if ok {
			// Below zero while a limit that was lowered is not yet enforced.
			mb.RecordContainerMemoryAvailableDataPoint(r.ts, int64(limit.Value)-int64(workingSet))
		}
	}
}

func (r *containerRecorder) recordMemoryKinds(m *cgroup.MemoryStat) {
	mb := r.mb
	r.gauge(mb.RecordContainerMemoryRssDataPoint, m.Anon)
	r.gauge(mb.RecordNodesecMemoryFileDataPoint, m.File)
	r.gauge(mb.RecordNodesecMemoryKernelDataPoint, m.Kernel)
	r.gauge(mb.RecordNodesecMemorySocketsDataPoint, m.Sockets)
	r.gauge(mb.RecordNodesecMemoryShmemDataPoint, m.Shmem)
	r.gauge(mb.RecordNodesecMemoryDirtyDataPoint, m.FileDirty)
	r.gauge(mb.RecordNodesecMemoryWritebackDataPoint, m.FileWriteback)
	r.gauge(mb.RecordNodesecMemoryUnevictableDataPoint, m.Unevictable)
	faults, by := mb.RecordContainerMemoryPagingFaultsDataPoint, &r.recorder
	countBy(by, faults, metadata.AttributeSystemPagingFaultTypeMajor, containerMajorFaults, m.MajorFaults)
	if minor := m.Faults; m.MajorFaults.Known { // pgfault counts major faults too
		minor.Value -= min(minor.Value, m.MajorFaults.Value)
		countBy(by, faults, metadata.AttributeSystemPagingFaultTypeMinor, containerFaults, minor)
	}
}

func (r *containerRecorder) recordMemoryEvents(m *cgroup.MemoryEvents) {
	events, by := r.mb.RecordNodesecMemoryEventsDataPoint, &r.recorder
	countBy(by, events, metadata.AttributeNodesecMemoryEventLow, containerEventsLow, m.Low)
	countBy(by, events, metadata.AttributeNodesecMemoryEventHigh, containerEventsHigh, m.High)
	countBy(by, events, metadata.AttributeNodesecMemoryEventMax, containerEventsMax, m.Max)
	countBy(by, events, metadata.AttributeNodesecMemoryEventOom, containerEventsOOM, m.OOM)
	countBy(by, events, metadata.AttributeNodesecMemoryEventOomKill, containerEventsOOMKill, m.OOMKill)
}
