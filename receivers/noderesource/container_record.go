// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"time"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// The counters of a container.
const (
	containerCPUUsage = iota
	containerCPUUser
	containerCPUSystem
	containerPeriods
	containerThrottledPeriods
	containerThrottledTime
	containerFaults
	containerMajorFaults
	containerEventsLow
	containerEventsHigh
	containerEventsMax
	containerEventsOOM
	containerEventsOOMKill
	containerReadBytes
	containerWrittenBytes
	containerReads
	containerWrites
	containerPIDsMaxEvents
	containerPressure // the first of pressureCounters
)

// containerRecorder records one sample of one container.
type containerRecorder struct {
	recorder
	e         *emitter
	container *container
	read      time.Duration
}

func (r *containerRecorder) record(s *cgroup.Stats) {
	r.recordCPU(s)
	r.recordCPULimit(s)
	r.recordMemory(s)
	r.recordMemoryKinds(&s.MemoryStat)
	r.recordMemoryEvents(&s.MemoryEvents)
	r.recordIO(s)
	r.gauge(r.mb.RecordNodesecPidsCurrentDataPoint, s.PIDs)
	r.gauge(r.mb.RecordNodesecPidsLimitDataPoint, s.PIDsMax)
	r.count(r.mb.RecordNodesecPidsMaxEventsDataPoint, containerPIDsMaxEvents, s.PIDsMaxEvents)
	r.pressure(containerPressure, metadata.AttributeNodesecPressureResourceCPU, &s.CPUPressure)
	r.pressure(containerPressure, metadata.AttributeNodesecPressureResourceMemory, &s.MemoryPressure)
	r.pressure(containerPressure, metadata.AttributeNodesecPressureResourceIo, &s.IOPressure)
	if born := r.container.life.born; born > 0 {
		r.mb.RecordContainerUptimeDataPoint(r.ts, (r.read - born).Seconds())
	}
}

func (r *containerRecorder) recordCPU(s *cgroup.Stats) {
	mb, by := r.mb, &r.recorder
	r.seconds(mb.RecordNodesecCPUUsageDataPoint, containerCPUUsage, s.CPUUsage, nanosecond)
	cpu := mb.RecordContainerCPUTimeDataPoint
	secondsBy(by, cpu, metadata.AttributeCPUModeUser, containerCPUUser, s.CPUUser, nanosecond)
	secondsBy(by, cpu, metadata.AttributeCPUModeSystem, containerCPUSystem, s.CPUSystem, nanosecond)
	r.count(mb.RecordNodesecCPUPeriodsDataPoint, containerPeriods, s.Periods)
	r.count(mb.RecordNodesecCPUThrottledPeriodsDataPoint, containerThrottledPeriods, s.ThrottledPeriods)
	r.seconds(mb.RecordNodesecCPUThrottledTimeDataPoint, containerThrottledTime, s.ThrottledTime, nanosecond)
}

// recordCPULimit records the limit and how much of it was used. That share is of the window whatever the
// temporality of the sums.
func (r *containerRecorder) recordCPULimit(s *cgroup.Stats) {
	l := r.container.life
	used, ok := r.container.usage.since(s.CPUUsage, l.counters.Newborn)
	limit, limited := s.CPULimit()
	if !limited {
		return
	}
	r.mb.RecordNodesecCPULimitDataPoint(r.ts, limit)
	since := l.read
	if since == 0 {
		since = l.born
	}
	if allowed := limit * float64(r.read-since); ok && allowed > 0 {
		r.mb.RecordNodesecCPULimitUtilizationDataPoint(r.ts, float64(used)/allowed)
	}
}

// cgroupUsage is the CPU usage of a container at its previous sample, in nanoseconds.
type cgroupUsage struct{ previous procfs.Number }

// since returns what the usage grew by since the previous call; in the first, by all for a newborn.
func (u *cgroupUsage) since(now procfs.Number, newborn bool) (growth uint64, ok bool) {
	previous := u.previous
	u.previous = now
	switch {
	case !now.Known:
		return 0, false
	case !previous.Known:
		return now.Value, newborn
	case now.Value < previous.Value:
		return now.Value, true
	}
	return now.Value - previous.Value, true
}

func (r *containerRecorder) recordIO(s *cgroup.Stats) {
	const in, out = metadata.AttributeDiskIoDirectionRead, metadata.AttributeDiskIoDirectionWrite
	bytes, operations, by := r.mb.RecordContainerDiskIoDataPoint, r.mb.RecordNodesecDiskOperationsDataPoint, &r.recorder
	countBy(by, bytes, in, containerReadBytes, s.ReadBytes)
	countBy(by, bytes, out, containerWrittenBytes, s.WrittenBytes)
	countBy(by, operations, in, containerReads, s.Reads)
	countBy(by, operations, out, containerWrites, s.Writes)
}
