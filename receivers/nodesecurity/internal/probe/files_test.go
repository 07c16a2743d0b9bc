// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

func fileActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"open by handle": openByHandle,
	}
}

// fileCase is a system call on files and what it counts. The working directory is a fresh one with the files and
// directories that before names, those with a slash at the end.
type fileCase struct {
	name   string
	before []string
	words  []string
	want   map[Count]uint32
}

func on(call string, args ...string) []string { return append([]string{"call", "0", call}, args...) }

func opening(call string, args ...string) []string {
	return append([]string{"open", "0", call}, args...)
}

func (c *fileCase) run(t *testing.T, s *session) {
	if words := slices.Clone(c.words); words[0] == "call" || words[0] == "open" {
		if !slices.Contains(syscallNames(), words[2]) {
			t.Skip("this machine has no ", words[2])
		}
	}
	dir := t.TempDir()
	for _, name := range c.before {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.MkdirAll(path, 0o755))
		} else {
			require.NoError(t, os.WriteFile(path, []byte("12345"), 0o644))
		}
	}
	s.do(t, "chdir", dir)
	s.expect(t, c.want, c.words[0], c.words[1:]...)
}

func runFileCases(t *testing.T, cases []fileCase) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.session(t)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.run(t, s) })
		}
	})
}

// of are the counters of classes of paths.
func of(first Count, all ...classes.PathClass) map[Count]uint32 {
	counts := map[Count]uint32{}
	for _, class := range all {
		counts[first+Count(class)] = 1
	}
	return counts
}

// and joins counts.
func and(all ...map[Count]uint32) map[Count]uint32 {
	joined := map[Count]uint32{}
	for _, counts := range all {
		for count, n := range counts {
			joined[count] += n
		}
	}
	return joined
}

func openByHandle(args []string) error {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, args[0], 0)
	if err != nil {
		return err
	}
	where, err := unix.Open(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(where)
	fd, err := unix.OpenByHandleAt(where, handle, unix.O_RDONLY)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

const creating = unix.O_CREAT | unix.O_WRONLY

func TestOpensAreCounted(t *testing.T) {
	how := func(flags byte) string { return raw(append([]byte{flags}, make([]byte, 23)...)) }
	opened := map[Count]uint32{CountOpen: 1}
	failed := map[Count]uint32{CountOpen: 1, CountOpenFailed: 1}
	created := map[Count]uint32{CountOpen: 1, CountCreate: 1}
	hidden := map[Count]uint32{CountOpen: 1, CountCreate: 1, CountCreateHidden: 1}
	file := []string{"f"}
	runFileCases(t, []fileCase{
		{"open", file, opening("open", str("f"), num(0)), opened},
		{"openat", file, opening("openat", cwd(), str("f"), num(0)), opened},
		{"openat2", file, opening("openat2", cwd(), str("f"), how(0), num(24)), opened},
		{"creat of a file that exists", file, opening("creat", str("f"), num(0o644)), opened},
		{"a directory", nil, opening("openat", cwd(), str("."), num(unix.O_DIRECTORY)), opened},
		{"only its path", file, opening("openat", cwd(), str("f"), num(unix.O_PATH)), opened},
		{"by handle", file, []string{"open by handle", "f"}, map[Count]uint32{CountOpen: 2}},
		{"open of nothing", nil, []string{"open", "2", "open", str("f"), num(0)}, failed},
		{"openat of nothing", nil, []string{"open", "2", "openat", cwd(), str("f"), num(0)}, failed},
		{"openat2 of nothing", nil, []string{"open", "2", "openat2", cwd(), str("f"), how(0), num(24)}, failed},
		{"openat of a bad address", nil, []string{"open", "14", "openat", cwd(), num(1), num(0)}, failed},
		{"creat", nil, opening("creat", str("f"), num(0o644)), created},
		{"openat creates", nil, opening("openat", cwd(), str("f"), num(creating), num(0o644)), created},
		{"openat2 creates", nil, opening("openat2", cwd(), str("f"), how(creating), num(24)), created},
		{"openat might create", file, opening("openat", cwd(), str("f"), num(creating), num(0o644)), opened},
		{"without a name", nil, opening("openat", cwd(), str("."), num(unix.O_TMPFILE|unix.O_RDWR), num(0o600)), created},
		{"hidden", nil, opening("openat", cwd(), str(".f"), num(creating), num(0o644)), hidden},
		{"hidden elsewhere", []string{"d/"}, opening("openat", cwd(), str("d/.f"), num(creating), num(0o644)), hidden},
		{"in a hidden directory", []string{".d/"}, opening("openat", cwd(), str(".d/f"), num(creating), num(0o644)), created},
	})
}

func TestHiddenDirectoriesAreCounted(t *testing.T) {
	hidden := map[Count]uint32{CountCreateHidden: 1}
	long := strings.Repeat("d/.////", 50)
	runFileCases(t, []fileCase{
		{"mkdir", nil, on("mkdir", str(".d"), num(0o755)), hidden},
		{"mkdirat", nil, on("mkdirat", cwd(), str(".d"), num(0o755)), hidden},
		{"with slashes", nil, on("mkdirat", cwd(), str("./.d//"), num(0o755)), hidden},
		{"visible", nil, on("mkdirat", cwd(), str("./d"), num(0o755)), nil},
		{"in a hidden one", []string{".d/"}, on("mkdirat", cwd(), str(".d/e"), num(0o755)), nil},
		{"far away", []string{strings.Repeat("d/", 51)}, on("mkdirat", cwd(), str(long+".e"), num(0o755)), hidden},
		{"far away, but visible", []string{strings.Repeat("d/", 51)}, on("mkdirat", cwd(), str(long+"e."), num(0o755)), nil},
		{"of the longest name", nil, on("mkdirat", cwd(), str("."+strings.Repeat("e", 254)), num(0o755)), hidden},
	})
}

func TestRemovalsAndRenamesAreCounted(t *testing.T) {
	const removeDir = 0x200 // AT_REMOVEDIR
	removed, renamed := map[Count]uint32{CountUnlink: 1}, map[Count]uint32{CountRename: 1}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint("f", i))
	}
	two := []string{"f", "g"}
	runFileCases(t, []fileCase{
		{"unlink", two, on("unlink", str("f")), removed},
		{"unlinkat", two, on("unlinkat", cwd(), str("f"), num(0)), removed},
		{"rmdir", []string{"d/"}, on("rmdir", str("d")), removed},
		{"unlinkat of a directory", []string{"d/"}, on("unlinkat", cwd(), str("d"), num(removeDir)), removed},
		{"of nothing", nil, []string{"call", "2", "unlinkat", cwd(), str("f"), num(0)}, nil},
		{"rename", two, on("rename", str("f"), str("h")), renamed},
		{"renameat", two, on("renameat", cwd(), str("f"), cwd(), str("g")), renamed},
		{"renameat2", two, on("renameat2", cwd(), str("f"), cwd(), str("g"), num(unix.RENAME_EXCHANGE)), renamed},
		{
			"renameat2 that must not replace", two,
			[]string{"call", "17", "renameat2", cwd(), str("f"), cwd(), str("g"), num(unix.RENAME_NOREPLACE)}, nil,
		},
		{
			"a burst", many, []string{"repeat", "1000", "call", "0", "renameat", cwd(), "sf%", cwd(), "slocked%"},
			map[Count]uint32{CountRename: 1000},
		},
	})
}

func TestLinksAreCounted(t *testing.T) {
	linked := map[Count]uint32{CountLink: 1}
	sensitive := and(linked, map[Count]uint32{CountLinkSensitive: 1})
	rc := of(CountWriteClass, classes.PathShellRC, classes.PathPersistence)
	runFileCases(t, []fileCase{
		{"link", []string{"f"}, on("link", str("f"), str("g")), linked},
		{"linkat", []string{"f"}, on("linkat", cwd(), str("f"), cwd(), str("g"), num(0)), linked},
		{"symlink", nil, on("symlink", str("f"), str("g")), linked},
		{"symlinkat", nil, on("symlinkat", str("f"), cwd(), str("g")), linked},
		{"linkat of nothing", nil, []string{"call", "2", "linkat", cwd(), str("f"), cwd(), str("g"), num(0)}, nil},
		{"link to a key", []string{"id_rsa"}, on("link", str("id_rsa"), str("g")), sensitive},
		{"linkat to a key", []string{"id_rsa"}, on("linkat", cwd(), str("id_rsa"), cwd(), str("g"), num(0)), sensitive},
		{"symlink to shadow", nil, on("symlink", str("/etc/shadow"), str("g")), sensitive},
		{"symlinkat to shadow", nil, on("symlinkat", str("/etc/shadow"), cwd(), str("g")), sensitive},
		{"symlinkat to a token", nil, on("symlinkat", str("/run/secrets/kubernetes.io/x"), cwd(), str("g")), sensitive},
		{"symlinkat to the log", nil, on("symlinkat", str("/var/log/x"), cwd(), str("g")), linked},
		{"link as a startup file", []string{"f"}, on("link", str("f"), str(".bashrc")), and(linked, rc)},
		{"symlinkat as a startup file", nil, on("symlinkat", str("f"), cwd(), str(".bashrc")), and(linked, rc)},
	})
}

func TestChangesOfModeAndOwnerAreCounted(t *testing.T) {
	changed, owned := map[Count]uint32{CountChmod: 1}, map[Count]uint32{CountChown: 1}
	executable := and(changed, map[Count]uint32{CountChmodExecutable: 1})
	file := []string{"f"}
	descriptor := []string{"f"}
	cases := []fileCase{
		{"chmod", file, on("chmod", str("f"), num(0o600)), changed},
		{"chmod +x", file, on("chmod", str("f"), num(0o700)), executable},
		{"fchmodat", file, on("fchmodat", cwd(), str("f"), num(0o644)), changed},
		{"fchmodat +x", file, on("fchmodat", cwd(), str("f"), num(0o645)), executable},
		{"fchmodat2", file, on("fchmodat2", cwd(), str("f"), num(0o644), num(0)), changed},
		{"fchmodat2 +x", file, on("fchmodat2", cwd(), str("f"), num(0o654), num(0)), executable},
		{"setuid", file, on("fchmodat", cwd(), str("f"), num(0o4600)), and(changed, map[Count]uint32{CountChmodSetuid: 1})},
		{"setgid", file, on("fchmodat", cwd(), str("f"), num(0o2600)), and(changed, map[Count]uint32{CountChmodSetgid: 1})},
		{"fchmodat of nothing", nil, []string{"call", "2", "fchmodat", cwd(), str("f"), num(0o755)}, nil},
		{"fchmod", descriptor, on("fchmod", num(100), num(0o600)), changed},
		{"fchmod +x", descriptor, on("fchmod", num(100), num(0o755)), executable},
		{"chown", file, on("chown", str("f"), num(1), num(1)), owned},
		{"lchown", file, on("lchown", str("f"), num(1), num(1)), owned},
		{"fchown", descriptor, on("fchown", num(100), num(1), num(1)), owned},
		{"fchownat", file, on("fchownat", cwd(), str("f"), num(1), num(1), num(0)), owned},
		{"fchownat of nothing", nil, []string{"call", "2", "fchownat", cwd(), str("f"), num(1), num(1), num(0)}, nil},
	}
	held := filepath.Join(t.TempDir(), "held")
	require.NoError(t, os.WriteFile(held, nil, 0o600))
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.session(t)
		s.expect(t, map[Count]uint32{CountOpen: 1}, "hold", "100", held, "0")
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.run(t, s) })
		}
	})
}

func TestTruncationsAreCounted(t *testing.T) {
	truncated := map[Count]uint32{CountTruncate: 1}
	log := of(CountRemoveClass, classes.PathLog)
	held := filepath.Join(t.TempDir(), "wtmp")
	require.NoError(t, os.WriteFile(held, []byte("1"), 0o600))
	opened := and(map[Count]uint32{CountOpen: 1}, of(CountWriteClass, classes.PathLog))
	how := raw(append([]byte{unix.O_WRONLY, unix.O_TRUNC >> 8}, make([]byte, 22)...))
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.session(t)
		s.expect(t, opened, "hold", "100", held, fmt.Sprint(unix.O_WRONLY))
		for _, c := range []fileCase{
			{"truncate", []string{"f"}, on("truncate", str("f"), num(0)), truncated},
			{"truncate of a log", []string{"wtmp"}, on("truncate", str("wtmp"), num(0)), and(truncated, log)},
			{"truncate of nothing", nil, []string{"call", "2", "truncate", str("wtmp"), num(0)}, nil},
			{"ftruncate of a log", nil, on("ftruncate", num(100), num(0)), and(truncated, log)},
			{
				"O_TRUNC", []string{"wtmp"},
				opening("openat", cwd(), str("wtmp"), num(unix.O_WRONLY|unix.O_TRUNC)), and(opened, log),
			},
			{"O_TRUNC of openat2", []string{"wtmp"}, opening("openat2", cwd(), str("wtmp"), how, num(24)), and(opened, log)},
			{"creat", []string{"wtmp"}, opening("creat", str("wtmp"), num(0o600)), and(opened, log)},
			{
				"creat of a new one", nil, opening("creat", str("wtmp"), num(0o600)),
				and(opened, map[Count]uint32{CountCreate: 1}),
			},
		} {
			t.Run(c.name, func(t *testing.T) { c.run(t, s) })
		}
	})
}
