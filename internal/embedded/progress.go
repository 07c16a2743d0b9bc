// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/term"
)

// say writes a line for people.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

// showProgress writes to w how many bytes dir holds, of about total, until the returned function is called: every
// second over the same line of a terminal, every five seconds a line elsewhere.
func showProgress(w io.Writer, dir string, total uint64) (stop func()) {
	interval, format := 5*time.Second, "libchdb: %s of %s after %s\n"
	if isTerminal(w) {
		interval, format = time.Second, "\rlibchdb: %s of %s after %s"
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	start := time.Now()
	show := func() {
		_, _ = fmt.Fprintf(w, format, megabytes(size(dir)), megabytes(total), time.Since(start).Round(time.Second))
	}
	wg.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				show()
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
		show()
		if isTerminal(w) {
			say(w, "")
		}
	}
}

// size adds up the files under dir, as far as they can be read: npm moves them about.
func size(dir string) uint64 {
	var sum uint64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // what vanished counts nothing
		}
		if info, err := e.Info(); err == nil {
			sum += uint64(info.Size())
		}
		return nil
	})
	return sum
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
