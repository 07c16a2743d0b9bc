// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/internal/sockdiag"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// nodeOptions are the settings of the node's sample.
type nodeOptions struct {
	// logger is told once of what this kernel lacks.
	logger *zap.Logger
	// maxDevices is how many disks and how many interfaces may have metrics of their own.
	maxDevices int
}

// hostCounts is what the walks over processes and containers found. What was not walked over is not known, not zero.
type hostCounts struct {
	// processes by state, indexed by metadata.AttributeProcessState, and all their threads.
	processes      [metadata.AttributeProcessStateIdle + 1]int64
	threads        int64
	knowsProcesses bool
	// containers is the number of containers sampled.
	containers      int64
	knowsContainers bool
}

// nodeScraper takes the sample of the node. It reads its files one after the other and records what each tells. A file
// that fails costs its own features only.
type nodeScraper struct {
	root    string // "" or a path without a slash at its end
	options nodeOptions
	life    *life // nil before the first scrape
	record  recorder
	reader  procfs.Reader
	files   []nodeFile
	network nodeNetwork

	stat      procfs.Stat
	loadavg   procfs.Loadavg
	uptime    procfs.Uptime
	meminfo   procfs.Meminfo
	vmstat    procfs.Vmstat
	pressure  procfs.Pressure
	diskstats procfs.Diskstats
	netDev    procfs.NetDev
	snmp      procfs.SNMP
	snmp6     procfs.SNMP6
	netstat   procfs.Netstat
	sockstat  procfs.Sockstat
	protocols procfs.Protocols
	fileNr    procfs.FileNr
	inodeNr   procfs.InodeNr
	entropy   procfs.Sysctl
	// conntrack is found in one of two files; see nodeNetwork.
	conntrack       procfs.Conntrack
	conntrackSysctl procfs.Sysctl
	conntrackMax    procfs.Sysctl
	tcp             sockdiag.TCP

	cpuTimes    [cpuModes]risingCounter
	softirqs    wideCounter
	disks       deviceSums
	wholeDisks  wholeDisks
	interfaces  deviceSums
	filesystems filesystems

	// The calls that no root_path can redirect.
	adjtimex func(*unix.Timex) (state int, err error)
	statfs   func(point string, device uint64) (unix.Statfs_t, error)

	// missing are the sources that failed in this scrape, reported those whose failure is known from an earlier one.
	missing, reported source
	errs              []error
}

// newNodeScraper returns a scraper of the node whose root file system is at root.
func newNodeScraper(root string, options nodeOptions) *nodeScraper {
	root = strings.TrimRight(root, "/")
	s := &nodeScraper{
		root: root, options: options, network: newNodeNetwork(root),
		disks:      newDeviceSums(diskCounters, diskReadMillis, diskWriteMillis, diskBusyMillis),
		interfaces: newDeviceSums(interfaceCounters),
		wholeDisks: wholeDisks{dir: root + "/sys/block"},
		adjtimex:   unix.Adjtimex, statfs: statfs,
	}
	s.files = s.nodeFiles()
	return s
}

// scrape takes the sample of this tick. It returns what began to fail in this scrape; what goes on failing is only
// counted.
func (s *nodeScraper) scrape(e *emitter, host hostCounts) error {
	if s.life == nil {
		// Born right after boot: zero would stand for an unknown birth.
		s.life = newLife(e.temporality, time.Nanosecond, 0)
	}
	read := e.clock.boot()
	s.record = e.recorder(s.life)
	s.missing, s.errs = 0, s.errs[:0]

	for i := range s.files {
		file := &s.files[i]
		if s.parse(e, file.source, file.path, file.parser) {
			file.record(e)
		}
	}
	s.recordTCPStates(e)
	s.recordARP(e)
	s.recordFilesystems(e, read)
	s.recordClock(e)
	s.recordHost(host)

	s.reported = s.missing
	e.emit(s.life, read, int64(s.missing), e.resource().Emit())
	return errors.Join(s.errs...)
}

func (s *nodeScraper) recordHost(host hostCounts) {
	mb, ts := s.record.mb, s.record.ts
	if host.knowsProcesses {
		for state := metadata.AttributeProcessStateRunning; state <= metadata.AttributeProcessStateIdle; state++ {
			mb.RecordSystemProcessCountDataPoint(ts, host.processes[state], state)
		}
		mb.RecordNodesecThreadsCountDataPoint(ts, host.threads)
	}
	if host.knowsContainers {
		mb.RecordNodesecContainersCountDataPoint(ts, host.containers)
	}
}
