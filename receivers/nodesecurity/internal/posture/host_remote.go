// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// remotePoints returns where the node has mounted file systems that a server or a user's process answers for. Looking
// into one of those may take for ever.
func (h *hostMounts) remotePoints() (points []string) {
	for _, m := range h.table.Mounts {
		if isRemote(m.FSType) {
			points = append(points, procfs.Unescape(m.Point))
		}
	}
	return points
}

func isRemote(fsType []byte) bool {
	switch string(fsType) {
	case "nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "afs", "gfs2", "ocfs2", "fuse", "fuseblk", "autofs":
		return true
	}
	return bytes.HasPrefix(fsType, []byte("fuse."))
}

// belowAny reports whether a path is one of dirs or below it.
func belowAny(path string, dirs []string) bool {
	for _, dir := range dirs {
		if below([]byte(path), dir) {
			return true
		}
	}
	return false
}
