// SPDX-License-Identifier: Apache-2.0

package cgroup

// parseCPUPressure parses cpu.pressure, a file as /proc/pressure/cpu.
func parseCPUPressure(data []byte, s *Stats) (ok bool) { return s.CPUPressure.Parse(data) == nil }

// parseMemoryPressure parses memory.pressure.
func parseMemoryPressure(data []byte, s *Stats) (ok bool) { return s.MemoryPressure.Parse(data) == nil }

// parseIOPressure parses io.pressure.
func parseIOPressure(data []byte, s *Stats) (ok bool) { return s.IOPressure.Parse(data) == nil }
