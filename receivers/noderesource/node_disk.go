// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// The counters of a disk, as places in deviceSums; the two directions of each follow each other.
const (
	diskBytesRead = iota
	diskBytesWritten
	diskReads
	diskWrites
	diskReadsMerged
	diskWritesMerged
	diskReadMillis // this one and those below have 32 bits in the kernel
	diskWriteMillis
	diskBusyMillis
	diskCounters
)

func (s *nodeScraper) recordDisks(e *emitter) {
	if err := s.wholeDisks.refresh(s.diskstats.Devices); err != nil {
		s.fail(e, sourceDiskstats, err)
		return
	}
	inFlight, devices := uint64(0), 0
	s.disks.begin()
	for i := range s.diskstats.Devices {
		d := &s.diskstats.Devices[i]
		if !s.wholeDisks.has(d.Name) {
			continue
		}
		disk := s.disks.add(d.Name, d.SectorsRead*procfs.SectorSize, d.SectorsWritten*procfs.SectorSize,
			d.Reads, d.Writes, d.ReadsMerged, d.WritesMerged, d.ReadMillis, d.WriteMillis, d.BusyMillis)
		inFlight += d.InFlight
		if devices < s.options.maxDevices {
			s.recordDisk(e, disk)
		}
		devices++
	}
	s.disks.end()
	s.record.gauge(e.mb.RecordNodesecDiskInFlightDataPoint, known(inFlight))
	s.recordDiskTotals()
}

func (s *nodeScraper) recordDiskTotals() {
	r, mb, totals := &s.record, s.record.mb, s.disks.totals
	for i, direction := range diskDirections() {
		count := func(record func(pcommon.Timestamp, int64, metadata.AttributeDiskIoDirection), place int) {
			countBy(r, record, direction, counterDisk+place+i, known(totals[place+i]))
		}
		count(mb.RecordSystemDiskIoDataPoint, diskBytesRead)
		count(mb.RecordSystemDiskOperationsDataPoint, diskReads)
		count(mb.RecordSystemDiskMergedDataPoint, diskReadsMerged)
		place := diskReadMillis + i
		secondsBy(r, mb.RecordSystemDiskOperationTimeDataPoint, direction, counterDisk+place, known(totals[place]),
			millisecond)
	}
	r.seconds(mb.RecordSystemDiskIoTimeDataPoint, counterDisk+diskBusyMillis, known(totals[diskBusyMillis]), millisecond)
}

func (s *nodeScraper) recordDisk(e *emitter, d *device) {
	for i, direction := range diskDirections() {
		if value, ok := d.point(diskBytesRead+i, e.temporality); ok {
			e.mb.RecordNodesecDeviceDiskIoDataPoint(s.record.ts, value, direction, d.name)
		}
		if value, ok := d.point(diskReads+i, e.temporality); ok {
			e.mb.RecordNodesecDeviceDiskOperationsDataPoint(s.record.ts, value, direction, d.name)
		}
	}
}

// diskDirections are the directions in the order in which the counters of a disk have them.
func diskDirections() [2]metadata.AttributeDiskIoDirection {
	return [...]metadata.AttributeDiskIoDirection{
		metadata.AttributeDiskIoDirectionRead, metadata.AttributeDiskIoDirectionWrite,
	}
}

// wholeDisks knows which block devices are whole disks: those in /sys/block with a device below them. This leaves out
// partitions, which are not in /sys/block, and what is stacked on other disks or on memory (device mapper, md, loop,
// ram, zram), so that no byte counts twice. The paths below a multipath NVMe device are hidden and left out too.
// Network block devices (nbd), which are disks without a device, are left out as well.
type wholeDisks struct {
	dir   string
	whole map[string]bool
}

// refresh looks at the devices that were not there before.
func (w *wholeDisks) refresh(devices []procfs.DiskDevice) error {
	if len(w.whole) > len(devices) || w.whole == nil {
		w.whole = make(map[string]bool, len(devices)) // forget those that vanished
	}
	for i := range devices {
		if _, ok := w.whole[string(devices[i].Name)]; ok {
			continue
		}
		if err := unix.Access(w.dir, unix.F_OK); err != nil {
			return fmt.Errorf("tell whole disks: %w", &fs.PathError{Op: "access", Path: w.dir, Err: err})
		}
		w.whole[string(devices[i].Name)] = w.isWhole(string(devices[i].Name))
	}
	return nil
}

func (w *wholeDisks) isWhole(name string) bool {
	dir := filepath.Join(w.dir, strings.ReplaceAll(name, "/", "!")) // as sysfs writes cciss/c0d0
	if unix.Access(dir+"/device", unix.F_OK) != nil {
		return false
	}
	hidden, err := os.ReadFile(dir + "/hidden") // since Linux 4.15
	return err != nil || bytes.HasPrefix(hidden, []byte("0"))
}

func (w *wholeDisks) has(name []byte) bool { return w.whole[string(name)] }
