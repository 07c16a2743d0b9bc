// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bytes"
	"iter"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// flatKeyed yields the keys and numbers of a flat keyed file: lines of KEY VALUE (Documentation/admin-guide/
// cgroup-v2.rst, "Interface Files"). Lines of another form are passed over.
func flatKeyed(data []byte) iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		for len(data) > 0 {
			var line []byte
			line, data = procfs.NextLine(data)
			key, rest := procfs.NextField(line)
			if value, _, ok := procfs.NextUint(rest); ok && !yield(key, value) {
				return
			}
		}
	}
}

// single parses a file of one number. The word max, which stands for no limit, and -1, which does so in version 1, are
// no known number. It is not ok for anything else.
func single(data []byte) (number procfs.Number, ok bool) {
	field, rest := procfs.NextField(bytes.TrimSuffix(data, []byte("\n")))
	if rest, _ = procfs.NextField(rest); len(rest) > 0 {
		return number, false
	}
	if string(field) == "max" || string(field) == "-1" {
		return number, true
	}
	value, ok := procfs.ParseUint(field)
	if !ok {
		return number, false
	}
	return known(value), true
}
