// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// filesystemsInterval is how often the mounts are looked at anew: there may be thousands, and they seldom change.
const filesystemsInterval = 30 * time.Second

// filesystem is one whose size is recorded.
type filesystem struct {
	which    metadata.AttributeNodesecFilesystem
	path     string
	device   uint64
	readOnly bool
}

// filesystems are those chosen out of the mounts.
type filesystems struct {
	mountinfo procfs.Mountinfo
	chosen    []filesystem
	// next is when to choose anew, as time since boot.
	next time.Duration
}

func (s *nodeScraper) recordFilesystems(e *emitter, now time.Duration) {
	if now >= s.filesystems.next {
		path := s.root + "/proc/1/mountinfo"
		if s.root == "" {
			path = "/proc/self/mountinfo"
		}
		s.filesystems.chosen = s.filesystems.chosen[:0]
		if !s.parse(e, sourceFilesystem, path, &s.filesystems.mountinfo) {
			return
		}
		s.chooseFilesystems()
		s.filesystems.next = now + filesystemsInterval
	}
	for _, f := range s.filesystems.chosen {
		stat, err := s.statfs(f.path, f.device)
		if err != nil {
			s.fail(e, sourceFilesystem, err)
			s.filesystems.next = 0 // unmounted, perhaps
			continue
		}
		s.recordFilesystem(f, &stat)
	}
}

func (s *nodeScraper) recordFilesystem(f filesystem, stat *unix.Statfs_t) {
	mb, ts := s.record.mb, s.record.ts
	block := uint64(stat.Frsize)
	if block == 0 {
		block = uint64(stat.Bsize)
	}
	mb.RecordNodesecFilesystemUsedDataPoint(ts, int64((stat.Blocks-stat.Bfree)*block), f.which)
	mb.RecordNodesecFilesystemAvailableDataPoint(ts, int64(stat.Bavail*block), f.which)
	if stat.Files > 0 { // btrfs and others have no fixed number of inodes
		mb.RecordNodesecFilesystemInodesUsedDataPoint(ts, int64(stat.Files-stat.Ffree), f.which)
		mb.RecordNodesecFilesystemInodesFreeDataPoint(ts, int64(stat.Ffree), f.which)
	}
	readOnly := int64(0)
	if f.readOnly {
		readOnly = 1
	}
	mb.RecordNodesecFilesystemReadOnlyDataPoint(ts, readOnly, f.which)
}

// chooseFilesystems takes the file system at / and the largest one on a block device, which may be the same. Read-only
// is what the node's mounts say: our own view of them may be mounted read-only.
func (s *nodeScraper) chooseFilesystems() {
	var root, largest filesystem
	largestSize := uint64(0)
	mounts := s.filesystems.mountinfo.Mounts
	for i := range mounts {
		m := &mounts[i]
		isRoot := string(m.Point) == "/" && !isRemote(m)
		if !isRoot && !isLocalBlock(m) {
			continue
		}
		f := filesystem{path: s.root + procfs.Unescape(m.Point), readOnly: m.ReadOnly}
		if m.Major != 0 {
			f.device = unix.Mkdev(uint32(m.Major), uint32(m.Minor))
		}
		if isRoot {
			root = f // the last one hides those before
		}
		if !isLocalBlock(m) {
			continue
		}
		if stat, err := s.statfs(f.path, f.device); err == nil {
			if size := stat.Blocks * uint64(stat.Bsize); size > largestSize {
				largest, largestSize = f, size
			}
		}
	}
	root.which, largest.which = metadata.AttributeNodesecFilesystemRoot, metadata.AttributeNodesecFilesystemLargest
	for _, f := range [...]filesystem{root, largest} {
		if f.path != "" {
			s.filesystems.chosen = append(s.filesystems.chosen, f)
		}
	}
}

// isLocalBlock reports whether the file system lies on a block device. A loop device is a file on another one.
func isLocalBlock(m *procfs.Mount) bool {
	return bytes.HasPrefix(m.Source, []byte("/dev/")) && !bytes.HasPrefix(m.Source, []byte("/dev/loop")) && !isRemote(m)
}

// isRemote reports whether statfs may wait for another machine or for a program, perhaps forever.
func isRemote(m *procfs.Mount) bool {
	switch string(m.FSType) {
	case "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "gfs2", "ocfs2", "glusterfs", "lustre",
		"gpfs", "beegfs", "orangefs", "pvfs2", "autofs", "fuseblk":
		return true
	}
	return bytes.HasPrefix(m.FSType, []byte("fuse"))
}

// errOtherDevice says that something else is mounted at the place, as seen from here.
var errOtherDevice = errors.New("mount not visible")

// statfs is statfs(2) of the file system on the device that is mounted at point. The device may be 0: unknown.
func statfs(point string, device uint64) (stat unix.Statfs_t, err error) {
	if device != 0 {
		var s unix.Stat_t
		if err := unix.Stat(point, &s); err != nil {
			return stat, fmt.Errorf("stat %s: %w", point, err)
		}
		if s.Dev != device {
			return stat, fmt.Errorf("statfs %s: %w", point, errOtherDevice)
		}
	}
	if err := unix.Statfs(point, &stat); err != nil {
		return stat, fmt.Errorf("statfs %s: %w", point, err)
	}
	return stat, nil
}
