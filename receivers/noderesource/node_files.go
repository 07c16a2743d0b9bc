// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"errors"
	"fmt"
	"io/fs"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// parser is a kernel file of package procfs.
type parser interface{ Parse(data []byte) error }

// nodeFile is a file that is read at every tick.
type nodeFile struct {
	source source
	path   string
	parser parser
	// record records what the parser found. What it keeps of names is valid until the next file is read.
	record func(e *emitter)
}

// nodeFiles returns the files to read, in this order.
func (s *nodeScraper) nodeFiles() []nodeFile {
	proc, net := s.root+"/proc", s.network.dir
	files := []nodeFile{
		{sourceStat, proc + "/stat", &s.stat, s.recordStat},
		{sourceLoadavg, proc + "/loadavg", &s.loadavg, s.recordLoadavg},
		{sourceUptime, proc + "/uptime", &s.uptime, s.recordUptime},
		{sourceMeminfo, proc + "/meminfo", &s.meminfo, s.recordMeminfo},
		{sourceVmstat, proc + "/vmstat", &s.vmstat, s.recordVmstat},
		{sourcePressure, proc + "/pressure/cpu", &s.pressure, s.recordPressure(metadata.AttributeNodesecPressureResourceCPU)},
		{sourcePressure, proc + "/pressure/memory", &s.pressure, s.recordPressure(metadata.AttributeNodesecPressureResourceMemory)},
		{sourcePressure, proc + "/pressure/io", &s.pressure, s.recordPressure(metadata.AttributeNodesecPressureResourceIo)},
		{sourceDiskstats, proc + "/diskstats", &s.diskstats, s.recordDisks},
		{sourceNetDev, net + "/dev", &s.netDev, s.recordInterfaces},
		{sourceNetSNMP, net + "/snmp", &s.snmp, s.recordSNMP},
		{sourceNetNetstat, net + "/netstat", &s.netstat, s.recordNetstat},
		{sourceNetSockstat, net + "/sockstat", &s.sockstat, s.recordSockstat},
		{sourceNetProtocols, net + "/protocols", &s.protocols, s.recordProtocols},
		{sourceFileNr, proc + "/sys/fs/file-nr", &s.fileNr, s.recordFileNr},
		{sourceInodeNr, proc + "/sys/fs/inode-nr", &s.inodeNr, s.recordInodeNr},
		{sourceEntropy, proc + "/sys/kernel/random/entropy_avail", &s.entropy, s.recordEntropy},
	}
	if s.network.own {
		return append(files, nodeFile{sourceConntrack, proc + "/sys/net/netfilter/nf_conntrack_count", &s.conntrackSysctl,
			func(e *emitter) { s.recordConntrack(e, s.conntrackSysctl.Value) }})
	}
	return append(files, nodeFile{sourceConntrack, net + "/stat/nf_conntrack", &s.conntrack,
		func(e *emitter) { s.recordConntrack(e, s.conntrack.Entries) }})
}

func (s *nodeScraper) recordPressure(of metadata.AttributeNodesecPressureResource) func(*emitter) {
	return func(*emitter) { s.record.pressure(counterPressure, of, &s.pressure) }
}

// parse reads the file and parses it, and reports whether that went well.
func (s *nodeScraper) parse(e *emitter, from source, path string, p parser) bool {
	data, err := s.reader.ReadFile(path)
	if err == nil {
		if err = p.Parse(data); err == nil {
			return true
		}
		err = fmt.Errorf("parse %s: %w", path, err)
	}
	s.fail(e, from, err)
	return false
}

// parseIPv6 is parse for a file that IPv6 brings along. Without IPv6 there is nothing to count.
func (s *nodeScraper) parseIPv6(e *emitter, from source, path string, p parser) bool {
	return errors.Is(unix.Access(path, unix.F_OK), unix.ENOENT) || s.parse(e, from, path, p)
}

// fail notes that a source could not be read.
func (s *nodeScraper) fail(e *emitter, from source, err error) {
	known := (s.reported|s.missing)&from != 0
	s.missing |= from
	switch {
	case !isLacking(err):
		e.readErrors++
		if !known {
			s.errs = append(s.errs, err)
		}
	case !known:
		s.options.logger.Info("Features absent: this kernel lacks their source", zap.Error(err))
	}
}

// isLacking reports whether the error means that this kernel was built or booted without a feature, or that its module
// is not loaded. Opening the pressure files fails so under psi=0.
func isLacking(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}
