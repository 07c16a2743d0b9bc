// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"os"
	"path/filepath"
)

// controllerFiles are the files that one controller has in every cgroup, by version.
type controllerFiles struct {
	mount  Mount
	source Source
	v1, v2 []file
}

// filesOf lists the files to read of each container, and the sources that no container of this system has.
func filesOf(h *Hierarchy) (all []file, unmounted Source) {
	pids := []file{
		{name: "pids.current", parse: parsePIDs},
		{name: "pids.max", parse: parsePIDsMax},
		{name: "pids.events", parse: parsePIDsEvents, optional: true}, // since 4.8
	}
	devices := newBlockDevices(h.sys)
	for _, c := range []controllerFiles{
		{h.CPUAcct, SourceCPU, []file{
			{name: "cpuacct.usage", parse: parseCPUAcctUsage},
			{name: "cpuacct.stat", parse: parseCPUAcctStat},
		}, []file{{name: "cpu.stat", parse: parseCPUStat}}},
		{h.CPU, SourceCPUBandwidth, []file{
			{name: "cpu.stat", parse: parseCPUStat},
			{name: "cpu.cfs_quota_us", parse: parseCFSQuota},
			{name: "cpu.cfs_period_us", parse: parseCFSPeriod},
		}, []file{{name: "cpu.max", parse: parseCPUMax}}},
		memoryFiles(h.Memory),
		{h.IO, SourceIO, blkIOFiles(h.IO, devices), []file{{name: "io.stat", parse: devices.parseIOStat}}},
		{h.PIDs, SourcePIDs, pids, pids},
		{h.Unified, SourcePressure, nil, []file{
			{name: "cpu.pressure", parse: parseCPUPressure},
			{name: "memory.pressure", parse: parseMemoryPressure},
			{name: "io.pressure", parse: parseIOPressure},
		}},
	} {
		list := c.files()
		if len(list) == 0 {
			unmounted |= c.source
		}
		all = append(all, list...)
	}
	return all, unmounted
}

func memoryFiles(mount Mount) controllerFiles {
	return controllerFiles{mount, SourceMemory, []file{
		{name: "memory.usage_in_bytes", parse: parseMemoryUsage},
		{name: "memory.limit_in_bytes", parse: parseMemoryMax},
		{name: "memory.stat", parse: parseMemoryStatV1},
		{name: "memory.failcnt", parse: parseMemoryFailCount},
		{name: "memory.oom_control", parse: parseMemoryOOMControl, optional: true},
		{name: "memory.kmem.usage_in_bytes", parse: parseMemoryKernel, optional: true},      // CONFIG_MEMCG_KMEM
		{name: "memory.kmem.tcp.usage_in_bytes", parse: parseMemorySockets, optional: true}, // CONFIG_MEMCG_KMEM
	}, []file{
		{name: "memory.current", parse: parseMemoryUsage},
		{name: "memory.max", parse: parseMemoryMax},
		{name: "memory.stat", parse: parseMemoryStat},
		{name: "memory.events", parse: parseMemoryEvents},
		{name: "memory.swap.current", parse: parseMemorySwap, optional: true}, // CONFIG_SWAP
	}}
}

// blkIOFiles are the files of version 1 that count. In newer kernels (seen in 6.18) the throttling policy counts on a
// device only once a limit was set on it, and BFQ does where it is the device's scheduler. Who counts names devices in
// the root cgroup; who does not shows a total of zero, which is no number.
func blkIOFiles(mount Mount, devices *blockDevices) []file {
	for _, name := range [][2]string{
		{"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_serviced_recursive"},
		{"blkio.throttle.io_service_bytes", "blkio.throttle.io_serviced"},
		{"blkio.bfq.io_service_bytes_recursive", "blkio.bfq.io_serviced_recursive"},
	} {
		data, err := os.ReadFile(filepath.Join(mount.Dir, name[0]))
		if err == nil && namesDevice(data) {
			return []file{{name: name[0], parse: devices.parseBlkIOBytes}, {name: name[1], parse: devices.parseBlkIOOperations}}
		}
	}
	return nil
}

// files are those of the version that is mounted; none without the controller.
func (c *controllerFiles) files() []file {
	list := c.v1
	if c.mount.V2 {
		list = c.v2
	}
	if !c.mount.Present() {
		return nil
	}
	for i := range list {
		list[i].dir, list[i].source = c.mount.Dir, c.source
	}
	return list
}
