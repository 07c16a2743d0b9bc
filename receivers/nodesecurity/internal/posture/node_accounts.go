// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// account is a line of /etc/passwd, see passwd(5).
type account struct {
	UID, Home []byte
}

// parseAccount parses "name:password:UID:GID:comment:home:shell". A line that names no user ID is none: glibc skips it
// as well (nss/nss_files/files-pwd.c).
func parseAccount(line []byte) (a account, ok bool) {
	var fields [7][]byte
	for i := range fields {
		fields[i], line, _ = bytes.Cut(line, []byte(":"))
	}
	a = account{UID: fields[2], Home: fields[5]}
	for _, c := range a.UID {
		if c < '0' || c > '9' {
			return account{}, false
		}
	}
	return a, len(fields[0]) > 0 && len(a.UID) > 0
}

// readAccounts reads the accounts, and who may log in to them by a key.
func (r *Reader) readAccounts(n *node) {
	w := watch{tree: r.tree}
	var total, rooted int64
	homes := []string{"/root"}
	found := false
	w.file("/etc/passwd", func(f file) {
		if f.Link {
			return
		}
		found = true
		eachEntry(f.Data, func(line []byte) {
			a, ok := parseAccount(line)
			if !ok {
				return
			}
			total++
			rooted += flag(len(bytes.Trim(a.UID, "0")) == 0)
			if len(homes) < maxHomes && len(a.Home) > 0 && a.Home[0] == '/' {
				homes = append(homes, path.Clean(string(a.Home)))
			}
		})
	})
	if !found { // not a node's root, or none that has accounts
		if w.err != nil {
			n.errs = append(n.errs, w.err)
		}
		return
	}
	n.add(Inventory, accounts, total)
	n.add(Inventory, rootAccounts, rooted)
	for _, name := range [...]string{"/etc/group", "/etc/shadow", "/etc/gshadow"} {
		w.file(name, nil)
	}
	r.record(n, &w, accounts)
	slices.Sort(homes)
	r.readKeys(n, slices.Compact(homes))
}

// maxHomes bounds the homes that are looked into.
const maxHomes = 4096

// readKeys counts the keys with which one may log in (sshd(8), AUTHORIZED_KEYS FILE FORMAT). Homes belong to their users:
// a link there could lead to a file whose reading does something, such as /proc/kmsg, so it is not followed but counts as
// one key, for sshd would follow it.
func (r *Reader) readKeys(n *node, homes []string) {
	w := watch{tree: r.tree}
	keys := int64(0)
	for _, home := range homes {
		// Kernel directories are homes of accounts that are not for logging in.
		if isKernelDir(home) || belowAny(home, n.remote) || belowAny(home+"/.ssh", n.remote) {
			continue
		}
		fd, err := r.tree.dir(home)
		if err != nil {
			w.fail("open", home, err)
			continue
		}
		keys += w.keysIn(fd, strings.TrimRight(home, "/")+"/.ssh")
		_ = unix.Close(fd)
	}
	r.record(n, &w, authorizedKeys, Fact{Inventory, authorizedKeys, keys})
}

func isKernelDir(path string) bool {
	return below([]byte(path), "/proc") || below([]byte(path), "/sys") || below([]byte(path), "/dev")
}

// keysIn counts the keys in the directory .ssh of an open home.
func (w *watch) keysIn(home int, dirPath string) (keys int64) {
	fd, err := unix.Openat(home, ".ssh", dirFlags|unix.O_NOFOLLOW, 0)
	if err != nil {
		w.fail("open", dirPath, err) // ENOTDIR of a link as well
		w.at(home, strings.TrimSuffix(dirPath, ".ssh"), ".ssh", func(f file) { keys += flag(f.Link) })
		return keys
	}
	defer func() { _ = unix.Close(fd) }()
	for _, name := range [...]string{"authorized_keys", "authorized_keys2"} {
		w.at(fd, dirPath+"/", name, func(f file) {
			if f.Link {
				keys++
				return
			}
			eachEntry(f.Data, func([]byte) { keys++ })
		})
	}
	return keys
}
