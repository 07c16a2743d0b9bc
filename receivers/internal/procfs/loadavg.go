// SPDX-License-Identifier: Apache-2.0

package procfs

// Loadavg is /proc/loadavg: runnable and uninterruptible tasks, averaged over 1, 5 and 15 minutes (kernel
// fs/proc/loadavg.c; proc_loadavg(5)).
type Loadavg struct{ Load1, Load5, Load15 float64 }

// Parse parses the file.
func (l *Loadavg) Parse(data []byte) error {
	line, _ := NextLine(data)
	rest := line
	for _, value := range [...]*float64{&l.Load1, &l.Load5, &l.Load15} {
		var field []byte
		var ok bool
		field, rest = NextField(rest)
		if *value, ok = ParseDecimal(field); !ok {
			return malformed(line)
		}
	}
	return nil
}
