// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

func fixture(t testing.TB, path string) []byte {
	data, err := os.ReadFile("testdata/" + path)
	require.NoError(t, err)
	return data
}

func TestPIDStatus(t *testing.T) {
	var s pidStatus
	require.NoError(t, s.parse(fixture(t, "distroless-nonroot/status")))
	assert.Equal(t, pidStatus{
		State: 'S', EUID: procfs.Number{Value: 65532, Known: true}, CapEff: hexNumber{0, true}, CapBnd: hexNumber{0, true},
		NoNewPrivs: procfs.Number{Value: 1, Known: true}, Seccomp: procfs.Number{Value: 2, Known: true},
	}, s)
	for _, data := range []string{
		"", "Uid:\t0\t0\t0\t0\n", "Uid:\t0\n", "Uid:\t0\tx\nCapEff:\t0\n", "Uid:\t0\t0\nCapEff:\t0x1\n",
		"Uid:\t0\t0\nCapEff:\t00\nSeccomp:\t-1\n", "State:\tSleeping\n",
	} {
		require.ErrorIs(t, s.parse([]byte(data)), procfs.ErrFormat, "%q", data)
	}
}

func TestOwnUID(t *testing.T) {
	const two = "         0     100000      65536\n     65536       1000          1\n"
	for _, tt := range []struct {
		name, uidMap string
		uid, inside  uint64
		mapped       bool
	}{
		{"root of the container", two, 100000, 0, true},
		{"the last of the range", two, 165535, 65535, true},
		{"past the range", two, 165536, 0, false},
		{"the second line", two, 1000, 65536, true},
		{"root of the node does not exist inside", two, 0, 0, false},
		{"the initial namespace", "0 0 4294967295\n", 0, 0, true},
		{"not written yet", "", 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inside, mapped, err := ownUID([]byte(tt.uidMap), tt.uid)
			require.NoError(t, err)
			assert.Equal(t, tt.mapped, mapped)
			assert.Equal(t, tt.inside, inside)
		})
	}
	_, _, err := ownUID([]byte("0 x 1\n"), 0)
	require.ErrorIs(t, err, procfs.ErrFormat)
}

func TestMountinfo(t *testing.T) {
	var m mountinfo
	require.NoError(t, m.parse(fixture(t, "node/proc/1/mountinfo")))
	assert.Len(t, m.Mounts, 20)
	assert.Equal(t, mount{Device: 8<<32 | 1, Root: []byte("/"), Point: []byte("/"), FSType: []byte("ext4")}, m.Mounts[5])
	require.NoError(t, m.parse(fixture(t, "ordinary/mountinfo")))
	assert.True(t, m.at("/sys").ReadOnly)
	assert.Nil(t, m.at("/nowhere"))
	require.NoError(t, m.parse([]byte("1 2 0:5 /a\\040b /run rw - tmpfs  ro,mode=755\n3 4 0:6 / /run rw - tmpfs x rw\n")))
	assert.Equal(t, `/a\040b`, string(m.Mounts[0].Root))
	assert.True(t, m.Mounts[0].ReadOnly, "the file system is, its source empty")
	assert.Equal(t, uint64(6), m.at("/run").Device, "the later one hides the earlier")
	for _, data := range []string{
		"\n", "1 2 8:1 / / rw\n", "1 2 8 / / rw - ext4 /dev/sda rw\n", "1 2 8:x / / rw - ext4 /dev/sda rw\n",
		"1 2 8:1 / / rw - ext4 /dev/sda\n", "1 2 8:4294967296 / / rw - ext4 /dev/sda rw\n",
	} {
		require.ErrorIs(t, m.parse([]byte(data)), procfs.ErrFormat, "%q", data)
	}
}

func TestUnconfined(t *testing.T) {
	for attr, want := range map[string][2]bool{ // is, known
		"unconfined\n":                                          {true, true},
		"cri-containerd.apparmor.d (enforce)\n":                 {false, true},
		"docker-default (kill)\n":                               {false, true},
		"docker-default (complain)\n":                           {true, true},
		"a b (unconfined)\n":                                    {true, true},
		"profile//&:ns://unconfined (mixed)\n":                  {false, true},
		"system_u:system_r:container_t:s0:c1,c2\x00":            {false, true},
		"system_u:system_r:spc_t:s0\x00":                        {true, true},
		"unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023": {true, true},
		"user:role:type":                                        {false, true},
		"kernel\x00":                                            {false, false},
		"_":                                                     {false, false},
		"":                                                      {false, false},
	} {
		is, known := unconfined([]byte(attr))
		assert.Equal(t, want, [2]bool{is, known}, "%q", attr)
	}
}

func TestParseNamespace(t *testing.T) {
	inode, ok := parseNamespace([]byte("pid:[4026531836]"))
	assert.True(t, ok)
	assert.Equal(t, uint64(4026531836), inode)
	for _, target := range []string{"", "pid", "pid:[", "pid:[]", "pid:[1", "pid:[x]"} {
		_, ok := parseNamespace([]byte(target))
		assert.False(t, ok, target)
	}
}

func TestParseLockdown(t *testing.T) {
	for data, want := range map[string]int64{
		"[none] integrity confidentiality\n": 0, "none [integrity] confidentiality\n": 1, "none integrity [confidentiality]\n": 2,
	} {
		mode, ok := parseLockdown([]byte(data))
		assert.True(t, ok)
		assert.Equal(t, want, mode)
	}
	_, ok := parseLockdown([]byte("none\n"))
	assert.False(t, ok)
}

func TestParseInt(t *testing.T) {
	for _, tt := range []struct {
		field string
		want  int64
	}{{"-1", -1}, {"0", 0}, {" 7 8", 7}, {"9223372036854775807", 1<<63 - 1}} {
		got, ok := parseInt([]byte(tt.field))
		assert.True(t, ok, tt.field)
		assert.Equal(t, tt.want, got)
	}
	for _, field := range []string{"", "-", "--1", "x", "9223372036854775808"} {
		_, ok := parseInt([]byte(field))
		assert.False(t, ok, field)
	}
}

func TestCronEntries(t *testing.T) {
	for line, want := range map[string]int64{
		"# comment": 0, "": 0, "PATH=/bin": 0, "MAILTO = x": 0, `"A"=b`: 0, "A1=b": 0, "* * * * * root x": 1, "@daily x A=b": 1,
		"0 4 * * 1 a=b": 1, "*/5\t* * * * x = y": 1, "=x": 1,
	} {
		assert.Equal(t, want, cronEntriesIn([]byte(line+"\n")), line)
	}
}

func TestBindingOf(t *testing.T) {
	for address, want := range map[string]binding{
		"00000000": boundWildcard, "0100007F": boundLoopback, "3500007F": boundLoopback, "0A00A8C0": boundAddress,
		"00000000000000000000000000000000": boundWildcard, "00000000000000000000000001000000": boundLoopback,
		"0000000000000000FFFF00000100007F": boundLoopback, "0000000000000000FFFF000000000000": boundWildcard,
		"000080FE00000000FF005450B6FD4DFE": boundAddress,
	} {
		if got, ok := bindingOf([]byte(address)); littleEndian() {
			assert.True(t, ok)
			assert.Equal(t, want, got, address)
		}
	}
	for _, address := range []string{"", "0", "0000000G", "000000000000000000000000000000000"} {
		_, ok := bindingOf([]byte(address))
		assert.False(t, ok, address)
	}
}

func FuzzPIDStatus(f *testing.F) {
	for _, name := range containerFixtures() {
		f.Add(fixture(f, name+"/status"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var once, twice pidStatus
		if err := once.parse(data); err != nil {
			require.ErrorIs(t, err, procfs.ErrFormat)
			return
		}
		require.NoError(t, twice.parse(data))
		assert.Equal(t, once, twice)
		assert.True(t, once.CapEff.Known)
	})
}

func FuzzMountinfo(f *testing.F) {
	for _, name := range append(containerFixtures(), "node/proc/1") {
		f.Add(fixture(f, name+"/mountinfo"))
	}
	host := newHostMounts("")
	require.NoError(f, host.table.parse(fixture(f, "node/proc/1/mountinfo")))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m mountinfo
		if err := m.parse(data); err != nil {
			require.ErrorIs(t, err, procfs.ErrFormat)
			return
		}
		var scratch []byte
		for i := range m.Mounts {
			one := &m.Mounts[i]
			require.NotEmpty(t, one.Point)
			isOwnKernelMount(one)
			host.classify(one, &scratch, func(path []byte) { isRuntimeSocket(path) })
		}
	})
}

func FuzzAttr(f *testing.F) {
	f.Add([]byte("cri-containerd.apparmor.d (enforce)\n"))
	f.Add([]byte("system_u:system_r:container_t:s0:c123,c456\x00"))
	f.Add([]byte(" ("))
	f.Fuzz(func(t *testing.T, data []byte) {
		if is, known := unconfined(data); is {
			assert.True(t, known)
		}
	})
}

func FuzzUIDMap(f *testing.F) {
	f.Add([]byte("         0     655360      65536\n"), uint64(655360))
	f.Fuzz(func(t *testing.T, data []byte, uid uint64) {
		if _, mapped, err := ownUID(data, uid); err != nil {
			assert.False(t, mapped)
		}
	})
}

func FuzzNamespace(f *testing.F) {
	f.Add([]byte("pid:[4026531836]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, ok := parseNamespace(data); ok {
			assert.True(t, bytes.HasSuffix(data, []byte("]")))
		}
	})
}

func FuzzSockets(f *testing.F) {
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f.Add(fixture(f, "node/proc/1/net/"+name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p portTable
		for _, udp := range []bool{false, true} {
			if err := p.add(data, udp); err != nil && !errors.Is(err, errNoMoreListeners) {
				require.ErrorIs(t, err, procfs.ErrFormat)
			}
		}
		p.settle()
		for i, l := range p.now {
			require.NotZero(t, l.port())
			require.True(t, i == 0 || p.now[i-1].socket() < l.socket())
		}
	})
}

func FuzzNodeFiles(f *testing.F) {
	for _, path := range []string{"etc/passwd", "etc/crontab", "etc/ld.so.preload", "root/.ssh/authorized_keys"} {
		f.Add(fixture(f, "node/"+path))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := int64(0)
		eachEntry(data, func(line []byte) {
			lines++
			if a, ok := parseAccount(line); ok {
				assert.NotEmpty(t, a.UID)
			}
		})
		assert.LessOrEqual(t, cronEntriesIn(data), lines)
		assert.GreaterOrEqual(t, preloaded(data), int64(0))
	})
}

func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

func TestRuntimesAreToldByTheirExecutable(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/sbin/runc": true, "/": true, "/memfd:runc_cloned:/proc/self/exe (deleted)": true, "/usr/bin/crun": true, "/usr/bin/truncate": false, "/runc/app": false, "": false,
	} {
		assert.Equal(t, want, isRuntime([]byte(path)), path)
	}
}
