// SPDX-License-Identifier: Apache-2.0

package procfs

// SectorSize is the unit of sectors in /proc/diskstats, in bytes, whatever the sector size of the device.
const SectorSize = 512

// Diskstats is /proc/diskstats (kernel block/genhd.c, diskstats_show; Documentation/admin-guide/iostats.rst).
type Diskstats struct {
	// Devices are block devices and partitions, in the kernel's order.
	Devices []DiskDevice
}

// DiskDevice is one line of the file. Counters run since the device was added.
type DiskDevice struct {
	// Name of the device; it shares memory with the data parsed.
	Name []byte
	// Reads and Writes are completed operations, merged ones apart, sectors of SectorSize bytes. The kernel cuts times
	// to 32 bits: they start again after 1<<32 milliseconds.
	Reads, ReadsMerged, SectorsRead, ReadMillis       uint64
	Writes, WritesMerged, SectorsWritten, WriteMillis uint64
	// InFlight is the number of operations begun and not completed.
	InFlight uint64
	// BusyMillis is the time with at least one operation in flight.
	BusyMillis uint64
}

// Parse parses the file. Devices are valid until the next call. Columns that newer kernels appended (weighted time,
// discards since 4.18, flushes since 5.5) are skipped.
func (d *Diskstats) Parse(data []byte) error {
	d.Devices = d.Devices[:0]
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		var device DiskDevice
		if err := device.parse(line); err != nil {
			return err
		}
		d.Devices = append(d.Devices, device)
	}
	return nil
}

func (d *DiskDevice) parse(line []byte) error {
	var major, minor uint64
	rest, err := nextUints(line, line, &major, &minor)
	if err != nil {
		return err
	}
	d.Name, rest = NextField(rest)
	_, err = nextUints(rest, line, &d.Reads, &d.ReadsMerged, &d.SectorsRead, &d.ReadMillis,
		&d.Writes, &d.WritesMerged, &d.SectorsWritten, &d.WriteMillis, &d.InFlight, &d.BusyMillis)
	return err
}
