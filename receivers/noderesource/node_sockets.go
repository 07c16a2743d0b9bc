// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

func (s *nodeScraper) recordSockstat(*emitter) {
	r, mb := &s.record, s.record.mb
	r.gauge(mb.RecordNodesecSocketsUsedDataPoint, s.sockstat.Used)
	r.gauge(mb.RecordNodesecTCPOrphansDataPoint, s.sockstat.TCPOrphan)
	memory := s.sockstat.TCPMemory
	memory.Value *= uint64(os.Getpagesize())
	r.gauge(mb.RecordNodesecTCPMemoryDataPoint, memory)
}

func (s *nodeScraper) recordProtocols(*emitter) { s.record.sockets(&s.protocols) }

func (s *nodeScraper) recordTCPStates(e *emitter) {
	states, err := s.tcpStates()
	if err != nil {
		s.fail(e, sourceTCPStates, err)
		return
	}
	s.record.tcpStates(&states)
}

// tcpStates asks sock_diag, which is many times faster but knows our own namespace only, or else reads the text.
func (s *nodeScraper) tcpStates() (procfs.TCPStates, error) {
	if s.network.own {
		if states, err := s.tcp.States(); err == nil {
			return states, nil
		}
	}
	return s.readTCPStates()
}

func (s *nodeScraper) readTCPStates() (states procfs.TCPStates, err error) {
	if err := s.reader.ReadLines(s.network.dir+"/tcp", states.Add); err != nil {
		return states, fmt.Errorf("count TCP sockets: %w", err)
	}
	err = s.reader.ReadLines(s.network.dir+"/tcp6", states.Add)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // there is no such file without IPv6
		return states, fmt.Errorf("count TCP sockets of IPv6: %w", err)
	}
	return states, nil
}

func (s *nodeScraper) recordARP(e *emitter) {
	entries := 0
	err := s.reader.ReadLines(s.network.dir+"/arp", func(lines []byte) error {
		entries += procfs.ARPEntries(lines)
		return nil
	})
	if err != nil {
		s.fail(e, sourceNetARP, err)
		return
	}
	s.record.gauge(s.record.mb.RecordNodesecArpEntriesDataPoint, known(uint64(entries)))
}

func (s *nodeScraper) recordConntrack(e *emitter, entries uint64) {
	r, mb := &s.record, s.record.mb
	r.gauge(mb.RecordNodesecConntrackEntriesDataPoint, known(entries))
	if s.parse(e, sourceConntrack, s.root+"/proc/sys/net/netfilter/nf_conntrack_max", &s.conntrackMax) {
		r.ratio(mb.RecordNodesecConntrackRatioDataPoint, known(entries), known(s.conntrackMax.Value))
	}
}
