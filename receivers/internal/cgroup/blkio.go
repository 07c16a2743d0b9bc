// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bytes"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// parseBlkIOBytes parses blkio.throttle.io_service_bytes_recursive of version 1.
func (b *blockDevices) parseBlkIOBytes(data []byte, s *Stats) (ok bool) {
	s.ReadBytes, s.WrittenBytes = b.blkIO(data)
	return true
}

// parseBlkIOOperations parses blkio.throttle.io_serviced_recursive of version 1.
func (b *blockDevices) parseBlkIOOperations(data []byte, s *Stats) (ok bool) {
	s.Reads, s.Writes = b.blkIO(data)
	return true
}

// blkIO adds up the disks: lines of $MAJ:$MIN, what was done, a number; at the end Total and a number, all there is in
// a cgroup that did no io (Documentation/admin-guide/cgroup-v1/blkio-controller.rst; block/blk-cgroup-rwstat.c
// __blkg_prfill_rwstat). Sync and Async count the same again.
func (b *blockDevices) blkIO(data []byte) (read, written procfs.Number) {
	read.Known, written.Known = true, true
	for len(data) > 0 {
		var line []byte
		line, data = procfs.NextLine(data)
		device, line := procfs.NextField(line)
		done, line := procfs.NextField(line)
		value, _, ok := procfs.NextUint(line)
		switch {
		case !ok, !b.isDisk(device):
		case string(done) == "Read":
			read.Value += value
		case string(done) == "Write":
			written.Value += value
		}
	}
	return read, written
}

// namesDevice says whether there are numbers of any device in such a file.
func namesDevice(data []byte) bool {
	for len(data) > 0 {
		var line []byte
		line, data = procfs.NextLine(data)
		if device, _ := procfs.NextField(line); bytes.IndexByte(device, ':') > 0 {
			return true
		}
	}
	return false
}
