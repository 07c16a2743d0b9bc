// SPDX-License-Identifier: Apache-2.0

package posture

import "github.com/nodesec/nodesec/receivers/internal/procfs"

// ownUID translates a user ID, as the reader sees it, into the one that the process sees, by the /proc/[pid]/uid_map of
// the process as the reader sees it (kernel kernel/user_namespace.c, uid_m_show; user_namespaces(7)): lines of the first
// ID inside, the first ID outside, and how many. It is not mapped for IDs that do not exist inside.
func ownUID(uidMap []byte, uid uint64) (inside uint64, mapped bool, err error) {
	for len(uidMap) > 0 {
		var line []byte
		line, uidMap = procfs.NextLine(uidMap)
		first, rest, ok1 := procfs.NextUint(line)
		outside, rest, ok2 := procfs.NextUint(rest)
		count, _, ok3 := procfs.NextUint(rest)
		if !ok1 || !ok2 || !ok3 {
			return 0, false, malformed(line)
		}
		if uid >= outside && uid-outside < count {
			return first + (uid - outside), true, nil
		}
	}
	return 0, false, nil
}
