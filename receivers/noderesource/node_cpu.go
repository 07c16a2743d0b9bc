// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// cpuModes is the number of modes in procfs.CPUTimes.
const cpuModes = 10

func (s *nodeScraper) recordStat(*emitter) {
	r, mb := &s.record, s.record.mb
	s.recordCPUTimes()
	r.gauge(mb.RecordSystemCPULogicalCountDataPoint, known(uint64(s.stat.CPUs)))
	r.gauge(mb.RecordNodesecProcessesRunningDataPoint, s.stat.Running)
	r.gauge(mb.RecordNodesecProcessesBlockedDataPoint, s.stat.Blocked)
	r.count(mb.RecordNodesecCPUContextSwitchesDataPoint, counterContextSwitches, s.stat.ContextSwitches)
	r.count(mb.RecordNodesecCPUInterruptsDataPoint, counterInterrupts, s.stat.Interrupts)
	if s.stat.SoftIRQs.Known {
		softirqs := known(s.softirqs.update(s.stat.SoftIRQs.Value))
		r.count(mb.RecordNodesecCPUSoftirqsDataPoint, counterSoftIRQs, softirqs)
	}
	r.count(mb.RecordSystemProcessCreatedDataPoint, counterForks, s.stat.Forks)
}

// recordCPUTimes takes the time of guests, which the kernel counts twice, out of user and nice. It does so with what
// the times grew by, because the differences of the times themselves may fall.
func (s *nodeScraper) recordCPUTimes() {
	c := &s.stat.CPU
	times := [cpuModes]uint64{
		c.User, c.Nice, c.System, c.Idle, c.IOWait, c.IRQ, c.SoftIRQ, c.Steal, c.Guest, c.GuestNice,
	}
	var growth [cpuModes]uint64
	ok := false
	for i, time := range times {
		growth[i], ok = s.record.growth(counterCPU+i, known(s.cpuTimes[i].update(time)))
	}
	if !ok {
		return
	}
	guest, guestNice := growth[8], growth[9]
	growth[0] -= min(growth[0], guest)
	growth[1] -= min(growth[1], guestNice)
	growth[8] = guest + guestNice
	for mode := metadata.AttributeCPUModeUser; mode <= metadata.AttributeCPUModeGuest; mode++ {
		seconds := float64(growth[mode-metadata.AttributeCPUModeUser]) / procfs.UserHZ
		s.record.mb.RecordSystemCPUTimeDataPoint(s.record.ts, seconds, mode)
	}
}

func (s *nodeScraper) recordLoadavg(*emitter) {
	mb, ts := s.record.mb, s.record.ts
	mb.RecordSystemCPULoadAverage1mDataPoint(ts, s.loadavg.Load1)
	mb.RecordSystemCPULoadAverage5mDataPoint(ts, s.loadavg.Load5)
	mb.RecordSystemCPULoadAverage15mDataPoint(ts, s.loadavg.Load15)
}

func (s *nodeScraper) recordUptime(*emitter) {
	s.record.mb.RecordSystemUptimeDataPoint(s.record.ts, s.uptime.Seconds)
}
