// SPDX-License-Identifier: Apache-2.0

package procfs

import "time"

// BootTime returns when the machine booted: the line btime of /proc/stat, which has whole seconds. It changes when the
// clock is set, because the kernel makes it of the time of day and the time since boot (fs/proc/stat.c, show_stat).
func BootTime(data []byte) (time.Time, error) {
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		if key, rest := NextField(line); string(key) == "btime" {
			seconds, _, ok := NextUint(rest)
			if !ok {
				return time.Time{}, malformed(line)
			}
			return time.Unix(int64(seconds), 0).UTC(), nil
		}
	}
	return time.Time{}, malformed(nil)
}
