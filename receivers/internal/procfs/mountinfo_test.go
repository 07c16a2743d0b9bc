// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMountinfo(t *testing.T) {
	mounts := parseFixture[Mountinfo](t, new6, "1/mountinfo").Mounts
	assert.Len(t, mounts, 19)
	assert.Equal(t, Mount{
		Major: 254, Root: []byte("/"), Point: []byte("/"), FSType: []byte("ext4"), Source: []byte("/dev/vda"),
	}, mounts[5])
	old := parseFixture[Mountinfo](t, old3, "1/mountinfo").Mounts
	assert.Equal(t, Mount{
		Minor: 42, Root: []byte("/"), Point: []byte("/mnt/nfs/test"), FSType: []byte("nfs4"), Source: []byte("192.168.1.1:/srv/test"),
	}, old[4], "with an optional field")
}

func TestMountinfoReadOnly(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		want       bool
	}{
		{"the mount", "1 2 8:1 / / ro,relatime - ext4 /dev/sda1 rw,discard\n", true},
		{"the file system", "1 2 8:1 / / rw,relatime shared:1 master:2 - ext4 /dev/sda1 ro\n", true},
		{"neither", "1 2 8:1 / / rw,errors=remount-ro - ext4 /dev/sda1 rw,errors=remount-ro\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, parse[Mountinfo](t, []byte(tt.line)).Mounts[0].ReadOnly)
		})
	}
}

func TestMountinfoSourceMayBeEmpty(t *testing.T) {
	mount := parse[Mountinfo](t, []byte("1 2 0:5 / /run rw - tmpfs  rw,mode=755\n")).Mounts[0]
	assert.Empty(t, mount.Source)
	assert.Equal(t, "tmpfs", string(mount.FSType))
}

func TestMountinfoMalformed(t *testing.T) {
	for _, data := range []string{
		"\n", "1 2 8:1 / / rw\n", "1 2 8 / / rw - ext4 /dev/sda rw\n", "1 2 8:x / / rw - ext4 /dev/sda rw\n",
		"1 2 8:1 / / rw - ext4 /dev/sda\n",
	} {
		requireMalformed[Mountinfo](t, data)
	}
}

func TestUnescape(t *testing.T) {
	for _, tt := range []struct{ field, want string }{
		{"/mnt", "/mnt"}, {`/my\040disk`, "/my disk"}, {`/a\134b\011`, "/a\\b\t"}, {`/odd\9`, `/odd\9`},
		{`/end\04`, `/end\04`},
	} {
		assert.Equal(t, tt.want, Unescape([]byte(tt.field)))
	}
}

func FuzzMountinfo(f *testing.F) { fuzz[Mountinfo](f, "1/mountinfo") }
