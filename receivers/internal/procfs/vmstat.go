// SPDX-License-Identifier: Apache-2.0

package procfs

// Vmstat is a part of /proc/vmstat: events since boot (kernel mm/vmstat.c, vmstat_text; proc_vmstat(5)).
type Vmstat struct {
	// PswpIn and PswpOut are pages swapped.
	PswpIn, PswpOut Number
	// PgFault are page faults, those of PgMajFault (that needed input) included.
	PgFault, PgMajFault Number
	// PgScanDirect are pages scanned by tasks that had to reclaim memory themselves. Linux before 4.8 counted it per
	// zone.
	PgScanDirect Number
	// OOMKill are processes killed by the out-of-memory killer, since Linux 4.13.
	OOMKill Number
}

// Parse parses the file.
func (v *Vmstat) Parse(data []byte) error {
	*v = Vmstat{}
	return parseKeyed(data, v.field)
}

// field returns where the value of the key goes; nil for a key of no interest.
func (v *Vmstat) field(key []byte) *Number {
	switch string(key) {
	case "pswpin":
		return &v.PswpIn
	case "pswpout":
		return &v.PswpOut
	case "pgfault":
		return &v.PgFault
	case "pgmajfault":
		return &v.PgMajFault
	case "pgscan_direct":
		return &v.PgScanDirect
	case "oom_kill":
		return &v.OOMKill
	}
	return nil
}
