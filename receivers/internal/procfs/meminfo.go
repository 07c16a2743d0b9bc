// SPDX-License-Identifier: Apache-2.0

package procfs

import "bytes"

// Meminfo is /proc/meminfo in bytes (kernel fs/proc/meminfo.c; proc_meminfo(5)).
type Meminfo struct {
	MemTotal, MemFree, MemAvailable, Buffers, Cached   Number
	Unevictable, SwapTotal, SwapFree, Dirty, Writeback Number
	AnonPages, Mapped, Shmem, SReclaimable, SUnreclaim Number
	KernelStack, PageTables, CommitLimit, CommittedAS  Number
	// HugePagesTotal and HugePagesFree are pages of the default size.
	HugePagesTotal, HugePagesFree Number
}

// Parse parses the file.
func (m *Meminfo) Parse(data []byte) error {
	*m = Meminfo{}
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		key, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return malformed(line)
		}
		number := m.field(key)
		if number == nil {
			continue
		}
		field, rest := NextField(rest)
		if err := number.parse(field, line); err != nil {
			return err
		}
		if unit, _ := NextField(rest); string(unit) == "kB" {
			number.Value *= 1024
		}
	}
	return nil
}

// field returns where the value of the key goes; nil for a key of no interest.
func (m *Meminfo) field(key []byte) *Number {
	switch string(key) {
	case "MemTotal":
		return &m.MemTotal
	case "MemFree":
		return &m.MemFree
	case "MemAvailable":
		return &m.MemAvailable
	case "Buffers":
		return &m.Buffers
	case "Cached":
		return &m.Cached
	case "Unevictable":
		return &m.Unevictable
	case "SwapTotal":
		return &m.SwapTotal
	case "SwapFree":
		return &m.SwapFree
	case "Dirty":
		return &m.Dirty
	case "Writeback":
		return &m.Writeback
	case "AnonPages":
		return &m.AnonPages
	case "Mapped":
		return &m.Mapped
	case "Shmem":
		return &m.Shmem
	}
	return m.kernelField(key)
}

// kernelField is the part of field about memory of the kernel and its bookkeeping.
func (m *Meminfo) kernelField(key []byte) *Number {
	switch string(key) {
	case "SReclaimable":
		return &m.SReclaimable
	case "SUnreclaim":
		return &m.SUnreclaim
	case "KernelStack":
		return &m.KernelStack
	case "PageTables":
		return &m.PageTables
	case "CommitLimit":
		return &m.CommitLimit
	case "Committed_AS":
		return &m.CommittedAS
	case "HugePages_Total":
		return &m.HugePagesTotal
	case "HugePages_Free":
		return &m.HugePagesFree
	}
	return nil
}
