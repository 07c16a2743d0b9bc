// SPDX-License-Identifier: Apache-2.0

package procfs

// Conntrack is /proc/net/stat/nf_conntrack: connection tracking of a network namespace (kernel
// net/netfilter/nf_conntrack_standalone.c, ct_cpu_seq_show). Unlike the sysctl nf_conntrack_count, which is always that
// of the reader's namespace, it is also found below /proc/[pid].
type Conntrack struct {
	// Entries are connections tracked now.
	Entries uint64
}

// Parse parses the file: a heading, then a line for each CPU, all with the same entries, in hexadecimal digits.
func (c *Conntrack) Parse(data []byte) error {
	*c = Conntrack{}
	_, data = NextLine(data)
	line, _ := NextLine(data)
	field, _ := NextField(line)
	if len(field) == 0 || len(field) > 16 {
		return malformed(line)
	}
	for _, digit := range field {
		switch {
		case digit >= '0' && digit <= '9':
			digit -= '0'
		case digit >= 'a' && digit <= 'f':
			digit -= 'a' - 10
		default:
			return malformed(line)
		}
		c.Entries = c.Entries<<4 | uint64(digit)
	}
	return nil
}
