// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// example is a query to start from.
type example struct{ about, query string }

// examples are what up prints. One needs that security is counted.
func examples(security bool) []example {
	list := []example{
		{"what is stored", "SELECT count(), uniq(entity), max(ts) FROM nodesec.container_samples"},
		{"CPU of the node, last minute", "SELECT ts, system_cpu_time_user, system_cpu_time_system " +
			"FROM nodesec.node_samples WHERE ts > now() - 60 ORDER BY ts"},
		{"busiest processes, last 10 s", "SELECT process, pid, sum(process_cpu_time_user + process_cpu_time_system) AS cpu_s " +
			"FROM nodesec.process_samples WHERE ts > now() - 10 GROUP BY process, pid ORDER BY cpu_s DESC LIMIT 5"},
	}
	if security {
		list = append(list, example{"programs executed in containers, last minute",
			"SELECT container, sum(exec_count) AS execs, sum(exec_shell) AS shells FROM nodesec.container_samples " +
				"WHERE ts > now() - 60 AND exec_count > 0 GROUP BY container ORDER BY execs DESC"})
	}
	return list
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
	_, _ = fmt.Fprintf(tw, "top containers, last 10 s\tCPU cores\tmemory\tsyscalls/s\texecs\n")
	for _, c := range s.TopContainers {
		_, _ = fmt.Fprintf(tw, "%s\t%.3f\t%s\t%s\t%s\n", printable(c.Name, maxName), c.CPUCores, known(c.Memory, size),
			known(c.SyscallRate, whole), known(c.Execs, whole))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if err := s.renderTags(w); err != nil {
		return err
	}
	return s.renderHowTo(w)
}

// known writes a number that may be unknown.
func known(n *float64, write func(float64) string) string {
	if n == nil {
		return "?"
	}
	return write(*n)
}

// whole writes a number without its fraction.
func whole(n float64) string { return grouped(uint64(n)) }

func (s *Summary) renderHowTo(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "\nquery it: %splay, or\n", s.HTTP)
	ask := cmp.Or(s.ask, "nodesecctl query")
	security := slices.ContainsFunc(s.TopContainers, func(c Container) bool { return c.Execs != nil })
	for _, e := range examples(security) {
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
