// SPDX-License-Identifier: Apache-2.0

package posture

import "bytes"

// readUnits reads what systemd starts (systemd.unit(5), UNIT FILE LOAD PATH, without what it makes at run time for
// containers, mounts and devices).
func (r *Reader) readUnits(n *node) {
	w := watch{tree: r.tree}
	units := int64(0)
	count := func(file) { units++ }
	const dropIns = 1 // name.service.d, name.target.wants
	for _, name := range [...]string{
		"/etc/systemd/system", "/etc/systemd/user", "/run/systemd/system", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/usr/lib/systemd/user",
	} {
		w.dir(name, dropIns, count)
	}
	if !r.isLink("/lib") { // or it leads to /usr/lib
		w.dir("/lib/systemd/system", dropIns, count)
	}
	r.record(n, &w, systemdUnits, Fact{Inventory, systemdUnits, units})
}

// isLink reports whether a directory below the root is a symbolic link.
func (r *Reader) isLink(path string) bool {
	info, err := r.tree.root.Lstat(path[1:])
	return err == nil && !info.IsDir()
}

func (r *Reader) readSudoers(n *node) {
	w := watch{tree: r.tree}
	w.file("/etc/sudoers", nil)
	w.dir("/etc/sudoers.d", 0, nil)
	r.record(n, &w, sudoers)
}

// readPreload reads the libraries that are loaded into every program (ld.so(8), FILES).
func (r *Reader) readPreload(n *node) {
	w := watch{tree: r.tree}
	libraries := int64(0)
	w.file("/etc/ld.so.preload", func(f file) {
		if f.Link {
			libraries++
			return
		}
		libraries += preloaded(f.Data)
	})
	r.record(n, &w, preloadedLibraries, Fact{Inventory, preloadedLibraries, libraries})
}

// preloaded counts names that are separated by white space or colons, without comments (glibc elf/rtld.c, dl_main).
func preloaded(data []byte) (count int64) {
	eachEntry(data, func(line []byte) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		count += int64(len(bytes.FieldsFunc(line, func(c rune) bool { return c == ':' || c == ' ' || c == '\t' || c == '\r' })))
	})
	return count
}
