// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"time"

	"github.com/nodesec/nodesec/receivers/internal/counter"
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// processSums are sums over processes: of what they counted in a tick or, in cumulative temporality, since the receiver
// knows their container. Those never fall, as a sum over the processes of now would when one of them exits.
type processSums struct {
	voluntary, involuntary uint64 // context switches of main threads
	runQueueDelay          uint64 // ns, of main threads
	user, system           uint64 // CPU time, clock ticks
}

func (s *processSums) add(more *processSums) {
	s.voluntary += more.voluntary
	s.involuntary += more.involuntary
	s.runQueueDelay += more.runQueueDelay
	s.user += more.user
	s.system += more.system
}

// countProcesses adds up the processes of each container: those in its cgroup and in those below that belong to no
// container of their own.
func (s *containerScraper) countProcesses(table *processTable) {
	clear(s.processes)
	for path, group := range table.groups {
		if owner := s.tree.Owner(path); owner != nil {
			sum := s.processes[owner]
			sum.merge(group)
			s.processes[owner] = sum
		}
	}
}

// recordProcesses records the sums over the processes of the container. Their growth in the tick is known even in its
// first sample, because the process table keeps it per process; grown is false in the first walk of the table. accounted
// says that the cgroup itself tells its CPU time.
func (r *containerRecorder) recordProcesses(g *processGroup, grown, accounted bool) {
	mb := r.mb
	mb.RecordNodesecProcessesCountDataPoint(r.ts, g.processes)
	mb.RecordNodesecThreadsCountDataPoint(r.ts, g.threads)
	if g.processes == 0 || g.told&sourceProcessFD != 0 {
		mb.RecordNodesecFileDescriptorsOpenDataPoint(r.ts, g.fileDescriptors)
	}
	if !grown {
		return
	}
	sums := &g.growth
	if r.e.temporality == counter.Cumulative {
		r.container.sums.add(sums)
		sums = &r.container.sums
	}
	mb.RecordNodesecContextSwitchesDataPoint(r.ts, int64(sums.voluntary),
		metadata.AttributeProcessContextSwitchTypeVoluntary)
	mb.RecordNodesecContextSwitchesDataPoint(r.ts, int64(sums.involuntary),
		metadata.AttributeProcessContextSwitchTypeInvoluntary)
	mb.RecordNodesecRunQueueDelayDataPoint(r.ts, time.Duration(sums.runQueueDelay).Seconds())
	if !accounted {
		r.recordProcessTime(sums)
	}
}

// recordProcessTime records the CPU time of the processes in place of the container's: on cgroup v1 a container need
// not be in the hierarchy of cpuacct. What processes used that began and ended between two ticks is not in it.
func (r *containerRecorder) recordProcessTime(sums *processSums) {
	mb := r.mb
	mb.RecordContainerCPUTimeDataPoint(r.ts, float64(sums.user)/procfs.UserHZ, metadata.AttributeCPUModeUser)
	mb.RecordContainerCPUTimeDataPoint(r.ts, float64(sums.system)/procfs.UserHZ, metadata.AttributeCPUModeSystem)
	mb.RecordNodesecCPUUsageDataPoint(r.ts, float64(sums.user+sums.system)/procfs.UserHZ)
}
