// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// examples are queries to start from; up prints them.
var examples = [...]struct{ about, query string }{
	{"what is stored", "SELECT count(), uniq(entity), max(ts) FROM nodesec.container_samples"},
	{"CPU of the node, last minute", "SELECT ts, system_cpu_time_user, system_cpu_time_system " +
		"FROM nodesec.node_samples WHERE ts > now() - 60 ORDER BY ts"},
	{"busiest processes, last 10 s", "SELECT process, pid, sum(process_cpu_time_user + process_cpu_time_system) AS cpu_s " +
		"FROM nodesec.process_samples WHERE ts > now() - 10 GROUP BY process, pid ORDER BY cpu_s DESC LIMIT 5"},
}

// maxName is how many characters of a container's name are shown.
const maxName = 60

// Render writes the summary as a page of text. Names of containers are what their owners chose, so control characters
// in them do not reach the terminal.
func (s *Summary) Render(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(tw, "stored\trows\tvalues\tfeatures\ton disk\t\n")
	for _, t := range s.Tables {
		if t.Rows > 0 {
			_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t\n", t.Name, grouped(t.Rows), grouped(t.Values), t.Features,
				size(float64(t.BytesOnDisk)))
		}
	}
	_, _ = fmt.Fprintf(tw, "all\t%s\t%s\t\t%s\t\n", grouped(s.Rows), grouped(s.Values), size(float64(s.BytesOnDisk)))
	if err := tw.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(w, "\n%.0f rows/s, %.2f bytes on disk per value, last tick %s UTC\n",
		s.RowsPerSecond, s.BytesPerValue, s.LastTick.UTC().Format("15:04:05"))
	_, _ = fmt.Fprintf(w, "lag from tick to queryable: last %.2f s, median %.2f s, max %.2f s\n\n",
		s.Lag.Last, s.Lag.Median, s.Lag.Max)

	tw = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(tw, "top containers, last 10 s\tCPU cores\tmemory\n")
	for _, c := range s.TopContainers {
		memory := "?"
		if c.Memory != nil {
			memory = size(*c.Memory)
		}
		_, _ = fmt.Fprintf(tw, "%s\t%.3f\t%s\n", printable(c.Name, maxName), c.CPUCores, memory)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return s.renderHowTo(w)
}

func (s *Summary) renderHowTo(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "\nquery it: %splay, or\n", s.HTTP)
	ask := cmp.Or(s.ask, "nodesecctl query")
	for _, e := range examples {
		if _, err := fmt.Fprintf(w, "  # %s\n  %s %q\n", e.about, ask, e.query); err != nil {
			return err
		}
	}
	return nil
}

// line is the summary in one line, for output that is no terminal.
func (s *Summary) line() string {
	return fmt.Sprintf("%s rows=%d rows/s=%.0f values=%d bytes/value=%.2f lag=%.2fs",
		s.LastTick.UTC().Format("2006-01-02T15:04:05Z"), s.Rows, s.RowsPerSecond, s.Values, s.BytesPerValue, s.Lag.Last)
}

// grouped writes a number with a comma after every three digits.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// size writes a number of bytes with a binary prefix.
func size(bytes float64) string {
	const units = " KMGTP"
	i := 0
	for ; bytes >= 1024 && i < len(units)-1; i++ {
		bytes /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", bytes)
	}
	return fmt.Sprintf("%.1f %ciB", bytes, units[i])
}

// printable replaces characters that steer a terminal, and shortens the text to its last characters.
func printable(text string, limit int) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(clean); len(runes) > limit {
		return "…" + string(runes[len(runes)-limit+1:])
	}
	return clean
}
