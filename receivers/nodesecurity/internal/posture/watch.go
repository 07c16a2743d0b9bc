// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"errors"
	"fmt"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

const (
	// maxContent bounds what is read of a file. Of a longer one the beginning and the size count.
	maxContent = 1 << 20
	// maxEntries bounds what is looked at of a directory.
	maxEntries = 1 << 14
)

var errTooMany = errors.New("too many entries")

// file is a file that was found.
type file struct {
	path string
	content
}

// watch looks at places of the node, all of which may be missing, and makes a fingerprint of what is there. After an error
// neither the fingerprint nor what was counted meanwhile is to be used.
type watch struct {
	tree *tree
	sum  fingerprint
	err  error
}

func (w *watch) fail(doing, path string, err error) {
	if err != nil && w.err == nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, errIrregular) {
		w.err = fmt.Errorf("%s %s%s: %w", doing, w.tree.path, path, err)
	}
}

// file looks at a file. visit may be nil.
func (w *watch) file(name string, visit func(f file)) {
	dir, base := path.Split(name)
	fd, err := w.tree.dir(dir)
	if err != nil {
		w.fail("open", dir, err)
		return
	}
	defer func() { _ = unix.Close(fd) }()
	w.at(fd, dir, base, visit)
}

// at looks at a file in an open directory whose path ends in a slash.
func (w *watch) at(dir int, dirPath, name string, visit func(f file)) {
	content, err := w.tree.read(dir, name, maxContent)
	if err != nil {
		if !errors.Is(err, unix.ENOENT) {
			w.fail("read", dirPath+name, err)
		}
		return
	}
	f := file{path: dirPath + name, content: content}
	w.sum.add(f.path+"\x00"+strconv.FormatInt(f.Size, 10)+"\x00"+strconv.FormatBool(f.Link), f.Data)
	if visit != nil {
		visit(f)
	}
}

// dir looks at the files in a directory and, down to a depth, in directories below it. Links are looked at, not followed.
func (w *watch) dir(name string, depth int, visit func(f file)) {
	fd, err := w.tree.dir(name)
	if err != nil {
		w.fail("open", name, err)
		return
	}
	defer func() { _ = unix.Close(fd) }()
	var dirs []string
	count := 0
	err = w.tree.each(fd, func(e entry) error {
		if count++; count > maxEntries {
			return errTooMany
		}
		switch {
		case e.kind == unix.DT_DIR && depth > 0:
			dirs = append(dirs, string(e.name))
		case e.kind == unix.DT_REG || e.kind == unix.DT_LNK:
			w.at(fd, name+"/", string(e.name), visit)
		}
		return nil
	})
	w.fail("list", name, err)
	for _, below := range dirs {
		w.dir(name+"/"+below, depth-1, visit)
	}
}

// eachEntry calls visit for each line that is neither empty nor a comment.
func eachEntry(data []byte, visit func(line []byte)) {
	for len(data) > 0 {
		var line []byte
		line, data = procfs.NextLine(data)
		if word, _ := procfs.NextField(line); len(word) > 0 && word[0] != '#' && word[0] != '\r' {
			visit(line)
		}
	}
}

// record adds what was counted and whether it changed, or what went wrong.
func (r *Reader) record(n *node, w *watch, subject string, counts ...Fact) {
	if w.err != nil {
		n.errs = append(n.errs, w.err)
		return
	}
	n.facts = append(n.facts, counts...)
	r.change(n, subject, w.sum)
}
