// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func (s *nodeScraper) recordFileNr(*emitter) {
	r, mb := &s.record, s.record.mb
	r.gauge(mb.RecordNodesecFileDescriptorsOpenDataPoint, known(s.fileNr.Open))
	r.ratio(mb.RecordNodesecFileDescriptorsRatioDataPoint, known(s.fileNr.Open), known(s.fileNr.Max))
}

func (s *nodeScraper) recordInodeNr(*emitter) {
	s.record.gauge(s.record.mb.RecordNodesecInodesOpenDataPoint, known(s.inodeNr.Allocated))
}

func (s *nodeScraper) recordEntropy(*emitter) {
	s.record.gauge(s.record.mb.RecordNodesecEntropyAvailableDataPoint, known(s.entropy.Value))
}

// recordClock records what the kernel knows of its clock; see adjtimex(2). The offset is in nanoseconds or
// microseconds, the maximum error always in microseconds (kernel kernel/time/ntp.c, __do_adjtimex).
func (s *nodeScraper) recordClock(e *emitter) {
	var clock unix.Timex // modes 0: read only, which needs no privilege
	if _, err := s.adjtimex(&clock); err != nil {
		s.fail(e, sourceClock, fmt.Errorf("read clock state: %w", err))
		return
	}
	mb, ts := s.record.mb, s.record.ts
	unit := 1e-6
	if clock.Status&unix.STA_NANO != 0 {
		unit = 1e-9
	}
	synchronized := int64(1)
	if clock.Status&unix.STA_UNSYNC != 0 {
		synchronized = 0
	}
	mb.RecordNodesecClockOffsetDataPoint(ts, float64(clock.Offset)*unit)
	mb.RecordNodesecClockMaxErrorDataPoint(ts, float64(clock.Maxerror)*1e-6)
	mb.RecordNodesecClockSynchronizedDataPoint(ts, synchronized)
}
