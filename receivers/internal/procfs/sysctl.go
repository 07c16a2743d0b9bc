// SPDX-License-Identifier: Apache-2.0

package procfs

// Sysctl is a file below /proc/sys that holds one number, such as net/netfilter/nf_conntrack_count or
// kernel/random/entropy_avail (kernel kernel/sysctl.c, proc_dointvec).
type Sysctl struct{ Value uint64 }

// Parse parses the file.
func (s *Sysctl) Parse(data []byte) error {
	line, _ := NextLine(data)
	_, err := nextUints(line, line, &s.Value)
	return err
}
