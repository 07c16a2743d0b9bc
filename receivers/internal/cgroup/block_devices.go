// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
)

// blockDevices knows which devices of io.stat and blkio files are disks. What is stacked on disks or on memory (device
// mapper, md, loop, zram) is none: the same bytes are counted once more for the disk below, for the same cgroup.
type blockDevices struct {
	dir  string // sys/dev/block
	disk map[string]bool
}

func newBlockDevices(sys string) *blockDevices {
	return &blockDevices{dir: filepath.Join(sys, "dev/block"), disk: map[string]bool{}}
}

// isDisk says whether the device with this number, such as 8:0, is a disk. Disks have hardware: a link called device. A
// device that is unknown to sysfs is taken for one, so that without sysfs all are counted.
func (b *blockDevices) isDisk(number []byte) bool {
	disk, known := b.disk[string(number)]
	if !known {
		device := filepath.Join(b.dir, string(number))
		disk = !exists(device) || exists(filepath.Join(device, "device"))
		b.disk[string(number)] = disk
	}
	return disk
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
