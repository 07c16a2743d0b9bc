// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

func TestChooseFilesystems(t *testing.T) {
	const root = metadata.AttributeNodesecFilesystemRoot
	const largest = metadata.AttributeNodesecFilesystemLargest
	// blocks is the size of what is mounted at a place; a place that is not here must never be asked for.
	blocks := map[string]uint64{
		"/host/": 100, "/host/data": 500, "/host/big": 300, "/host/my disk": 900, "/host/pool": 700,
	}
	for _, tt := range []struct {
		name   string
		mounts []string
		want   []filesystem
	}{
		{"the root alone is the largest too", []string{"1 0 8:1 / / rw - ext4 /dev/sda1 rw"},
			[]filesystem{{root, "/host/", unix.Mkdev(8, 1), false}, {largest, "/host/", unix.Mkdev(8, 1), false}}},
		{"the largest on a block device, one mounted twice", []string{
			"1 0 8:1 / / rw - ext4 /dev/sda1 rw", "2 1 8:2 / /data ro - xfs /dev/sdb rw",
			"3 1 8:3 / /big rw - xfs /dev/sdc rw",
			"4 1 8:2 / /data ro - xfs /dev/sdb rw",
		}, []filesystem{{root, "/host/", unix.Mkdev(8, 1), false}, {largest, "/host/data", unix.Mkdev(8, 2), true}}},
		{"never what may hang", []string{
			"1 0 8:1 / / rw - ext4 /dev/sda1 rw", "2 1 0:42 / /nfs rw - nfs4 server:/export rw",
			"3 1 0:43 / /share rw - cifs //s/x rw",
			"4 1 8:9 / /ntfs rw - fuseblk /dev/sdd1 rw", "5 1 0:44 / /sshfs rw - fuse.sshfs host: rw",
			"6 1 8:8 / /dlm rw - ocfs2 /dev/sde rw",
		}, []filesystem{{root, "/host/", unix.Mkdev(8, 1), false}, {largest, "/host/", unix.Mkdev(8, 1), false}}},
		{"a root on the network is left out", []string{
			"1 0 0:42 / / rw - nfs4 server:/root rw", "2 1 8:3 / /big rw - xfs /dev/sdc rw",
		}, []filesystem{{largest, "/host/big", unix.Mkdev(8, 3), false}}},
		{"memory and loop devices are not block devices", []string{
			"1 0 0:30 / / rw - overlay overlay rw", "2 1 0:5 / /run rw - tmpfs tmpfs rw",
			"3 1 7:1 / /snap ro - squashfs /dev/loop1 ro",
		}, []filesystem{{root, "/host/", 0, false}}},
		{"spaces in a path, and btrfs without a device number", []string{
			"1 0 0:20 /@ / rw - btrfs /dev/sda2 rw", `2 1 8:5 / /my\040disk rw - ext4 /dev/sdf rw`,
			"3 1 0:21 / /pool rw - btrfs /dev/sdg rw",
		}, []filesystem{{root, "/host/", 0, false}, {largest, "/host/my disk", unix.Mkdev(8, 5), false}}},
		{"a mount over the root hides it", []string{
			"1 0 0:2 / / rw - rootfs rootfs rw", "2 1 8:1 / / ro - ext4 /dev/sda1 rw",
		}, []filesystem{{root, "/host/", unix.Mkdev(8, 1), true}, {largest, "/host/", unix.Mkdev(8, 1), true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newNodeScraper("/host", nodeOptions{logger: zap.NewNop()})
			s.statfs = func(point string, _ uint64) (unix.Statfs_t, error) {
				require.Contains(t, blocks, point)
				return unix.Statfs_t{Blocks: blocks[point], Bsize: 4096}, nil
			}
			require.NoError(t, s.filesystems.mountinfo.Parse([]byte(strings.Join(tt.mounts, "\n")+"\n")))
			s.chooseFilesystems()
			assert.Equal(t, tt.want, s.filesystems.chosen)
		})
	}
}

func TestFilesystemsAreChosenAnewAfterHalfAMinute(t *testing.T) {
	run := newNodeRun(t, filepath.Join(kernels, "linux-3"))
	run.mustScrape()
	assert.Len(t, run.scraper.filesystems.chosen, 2)
	run.become(filepath.Join(kernels, "linux-6.18")) // with /dev/vda in place of /dev/sda1
	run.mustScrape()
	assert.Equal(t, unix.Mkdev(8, 1), run.scraper.filesystems.chosen[0].device)
	run.now = run.now.Add(20 * time.Second)
	run.mustScrape()
	assert.Equal(t, unix.Mkdev(254, 0), run.scraper.filesystems.chosen[0].device)
}

func TestFilesystemThatCanNotBeReadIsAbsent(t *testing.T) {
	tree := copyTree(t, filepath.Join(kernels, "linux-6.18"))
	mount := []byte("1 0 255:1 / / rw - ext4 /dev/none rw\n")
	require.NoError(t, os.WriteFile(filepath.Join(tree, "proc/1/mountinfo"), mount, 0o600))
	run := newNodeRun(t, tree)
	run.scraper.statfs = statfs // the tree is not on the device that its mountinfo names
	metrics, err := run.scrape(hostCounts{})
	require.ErrorIs(t, err, errOtherDevice)
	assert.False(t, has(metrics, "nodesec.filesystem.used"))
	assert.Equal(t, float64(sourceFilesystem), value(t, metrics, "nodesec.quality.missing"))
}

func TestFilesystemWithoutInodesHasNone(t *testing.T) {
	run := newNodeRun(t, filepath.Join(kernels, "linux-6.18"))
	run.scraper.statfs = func(string, uint64) (unix.Statfs_t, error) {
		return unix.Statfs_t{Bsize: 4096, Blocks: 10, Bfree: 4, Bavail: 3}, nil
	}
	metrics := run.mustScrape()
	assert.False(t, has(metrics, "nodesec.filesystem.inodes.used"))
	assert.InDelta(t, 2*6*4096, value(t, metrics, "nodesec.filesystem.used"), 0, "without a fragment size")
}

func TestStatfs(t *testing.T) {
	dir := t.TempDir()
	var st unix.Stat_t
	require.NoError(t, unix.Stat(dir, &st))
	got, err := statfs(dir, st.Dev)
	require.NoError(t, err)
	assert.Positive(t, got.Blocks)
	_, err = statfs(dir, st.Dev+1)
	require.ErrorIs(t, err, errOtherDevice)
	_, err = statfs(filepath.Join(dir, "none"), 0)
	require.ErrorIs(t, err, unix.ENOENT)
}
