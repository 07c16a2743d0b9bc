// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bytes"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// parseIOStat parses io.stat of version 2 and adds up the disks: lines of $MAJ:$MIN and KEY=VALUE fields
// (Documentation/admin-guide/cgroup-v2.rst, "IO Interface Files"; block/blk-cgroup.c blkcg_print_one_stat). A cgroup
// that did no io has an empty file. Some kernels print the number of a device without fields on the line of the next.
func (b *blockDevices) parseIOStat(data []byte, s *Stats) (ok bool) {
	var read, written, reads, writes uint64
	for len(data) > 0 {
		var line, field []byte
		line, data = procfs.NextLine(data)
		isDisk := false
		for {
			if field, line = procfs.NextField(line); len(field) == 0 {
				break
			}
			key, text, isPair := bytes.Cut(field, []byte("="))
			if !isPair {
				isDisk = b.isDisk(field)
			}
			value, isNumber := procfs.ParseUint(text)
			if !isNumber || !isDisk {
				continue
			}
			switch string(key) {
			case "rbytes":
				read += value
			case "wbytes":
				written += value
			case "rios":
				reads += value
			case "wios":
				writes += value
			}
		}
	}
	s.ReadBytes, s.WrittenBytes, s.Reads, s.Writes = known(read), known(written), known(reads), known(writes)
	return true
}
