// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// readCron reads what cron starts (crontab(5), anacrontab(5); Debian's and Red Hat's places).
func (r *Reader) readCron(n *node) {
	w := watch{tree: r.tree}
	entries := int64(0)
	table := func(f file) {
		if f.Link {
			entries++
			return
		}
		entries += cronEntriesIn(f.Data)
	}
	for _, name := range [...]string{"/etc/crontab", "/etc/anacrontab"} {
		w.file(name, table)
	}
	for _, name := range [...]string{"/etc/cron.d", "/var/spool/cron", "/var/spool/cron/crontabs"} {
		w.dir(name, 0, table)
	}
	for _, name := range [...]string{"/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"} {
		w.dir(name, 0, func(f file) {
			if !bytes.HasSuffix([]byte(f.path), []byte("/.placeholder")) { // Debian keeps the directories by it
				entries++
			}
		})
	}
	r.record(n, &w, cron, Fact{Inventory, cronEntries, entries})
}

// cronEntriesIn counts the lines of a crontab that start something: all but comments and settings of the environment,
// whose name begins with a letter and is followed by an equals sign. Names of times begin with @.
func cronEntriesIn(data []byte) (count int64) {
	eachEntry(data, func(line []byte) {
		word, rest := procfs.NextField(line)
		name, _, assigned := bytes.Cut(word, []byte("="))
		if !assigned {
			next, _ := procfs.NextField(rest)
			assigned = len(next) > 0 && next[0] == '='
		}
		if !assigned || !isName(name) {
			count++
		}
	})
	return count
}

// isName reports whether a word can name an environment variable.
func isName(word []byte) bool {
	for i, c := range word {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '"' || c == '\''
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(word) > 0
}
