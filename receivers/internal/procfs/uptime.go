// SPDX-License-Identifier: Apache-2.0

package procfs

// Uptime is the first value of /proc/uptime: seconds since boot, time in suspension included (kernel fs/proc/uptime.c;
// proc_uptime(5)).
type Uptime struct{ Seconds float64 }

// Parse parses the file.
func (u *Uptime) Parse(data []byte) error {
	line, _ := NextLine(data)
	field, _ := NextField(line)
	var ok bool
	if u.Seconds, ok = ParseDecimal(field); !ok {
		return malformed(line)
	}
	return nil
}
