// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testSummary() *Summary {
	memory, calls, execs := 3.5*1024*1024, 1234.5, 7.0
	return &Summary{
		Tables: []Table{
			{Name: "node_samples", Rows: 60, Values: 9060, Features: 151, BytesOnDisk: 8192},
			{Name: "pod_samples"},
		},
		Rows: 1234567, Values: 9060, RowsPerSecond: 41.6, BytesOnDisk: 8192, BytesPerValue: 0.904,
		LastTick: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		Lag:      Lag{Last: 0.031, Median: 0.25, Max: 1.5},
		TopContainers: []Container{
			{Name: "shop/web/nginx", CPUCores: 0.1234, Memory: &memory},
			{Name: "evil\x1b]0;title\a\n\u202eeman", CPUCores: 0.5, SyscallRate: &calls, Execs: &execs},
		},
		Tags: []Tag{{
			Severity: "ERROR", Rule: "shell_from_web_server", Techniques: []string{"T1059.004", "T1190", "T1505.003", "T9"},
			Entity: "shop/web/\x1bnginx", Last: time.Date(2026, 1, 2, 2, 4, 1, 0, time.UTC),
			Evidence: map[string]float64{"container_uptime": 0, "exec_shell_web_server": 2},
		}},
		HTTP: "http://127.0.0.1:8123/",
	}
}

func TestRender(t *testing.T) {
	var b strings.Builder
	require.NoError(t, testSummary().Render(&b))
	lines := strings.Split(b.String(), "\n")
	for _, want := range []string{
		"stored rows values features on disk",
		"node_samples 60 9,060 151 8.0 KiB",
		"all 1,234,567 9,060 8.0 KiB",
		"42 rows/s, 0.90 bytes on disk per value, last tick 02:04:05 UTC",
		"lag from tick to queryable: last 0.03 s, median 0.25 s, max 1.50 s",
		"shop/web/nginx 0.123 3.5 MiB ? ?",
		"evil?]0;title???eman 0.500 ? 1,234 7",
		"tags, last minute rule techniques entity evidence",
		"02:04:01 ERROR shell_from_web_server T1059.004 T1190 T1505.003 … shop/web/?nginx exec_shell_web_server=2",
		"query it: http://127.0.0.1:8123/play, or",
	} {
		assert.Contains(t, squeezed(lines), want)
	}
	assert.NotContains(t, b.String(), "pod_samples", "a table without rows")
	for _, e := range examples(true) {
		assert.Contains(t, b.String(), `nodesecctl query "`+e.query+`"`, "a shell takes it as it stands")
	}
	for _, r := range b.String() {
		assert.True(t, r == '\n' || unicode.IsPrint(r), "%q steers the terminal", r)
	}
}

func TestRenderNamesTheCommandThatWasUsed(t *testing.T) {
	s := testSummary()
	s.ask = "bin/nodesecctl query --path 'a b'"
	var b strings.Builder
	require.NoError(t, s.Render(&b))
	assert.Contains(t, b.String(), "\n  bin/nodesecctl query --path 'a b' \"SELECT count()")
}

// squeezed makes one space of several.
func squeezed(lines []string) (out []string) {
	for _, line := range lines {
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	return out
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, assert.AnError }

func TestRenderFailsWhenItCanNotWrite(t *testing.T) {
	require.ErrorIs(t, testSummary().Render(full{}), assert.AnError)
}

func TestLine(t *testing.T) {
	assert.Equal(t, "2026-01-02T02:04:05Z rows=1234567 rows/s=42 values=9060 bytes/value=0.90 lag=0.03s", testSummary().line())
}

func TestShow(t *testing.T) {
	for _, tt := range []struct {
		name       string
		options    Options
		start, end string
	}{
		{"nothing before the end as JSON", Options{JSON: true, Terminal: true}, "", ""},
		{"a page on a terminal", Options{Terminal: true}, "\x1b[H\x1b[J", "DESC\"\n"},
		{"a line elsewhere", Options{}, "2026-01-02T", "lag=0.03s\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			tt.options.Output = &b
			require.NoError(t, tt.options.show(testSummary()))
			assert.Equal(t, tt.start == "", b.Len() == 0)
			assert.True(t, strings.HasPrefix(b.String(), tt.start))
			assert.True(t, strings.HasSuffix(b.String(), tt.end))
		})
	}
}

func TestNumbersLeaveOutWhatIsNone(t *testing.T) {
	assert.Equal(t, map[string]float64{"a": 1.5, "sum(b, \"10m\")": 0}, numbers(`{"a":1.5,"image":"x","sum(b, \"10m\")":0}`))
	assert.Empty(t, numbers("[]"))
	assert.Empty(t, numbers(""))
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 999999: "999,999", 1234567: "1,234,567",
		1<<64 - 1: "18,446,744,073,709,551,615",
	} {
		assert.Equal(t, want, grouped(n))
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[float64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 1 << 40: "1.0 TiB", 1 << 50: "1.0 PiB",
		1 << 62: "4096.0 PiB",
	} {
		assert.Equal(t, want, size(bytes))
	}
}

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"as it is", "größe/Ω-1", "größe/Ω-1"},
		{"escape sequences", "a\x1b[2Jb\x9b1m", "a?[2Jb�1m"},
		{"line ends", "a\r\nb\tc\x00", "a??b?c?"},
		{"directions and what has no width", "a\u202eb\u200bc\ufeff", "a?b?c?"},
		{"of ten characters", "0123456789", "0123456789"},
		{"the end of a longer one", "x/0123456789", "…123456789"},
		{"the end of a longer one of wide characters", strings.Repeat("é", 11), "…" + strings.Repeat("é", 9)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, printable(tt.text, 10))
		})
	}
}

func TestIdentifier(t *testing.T) {
	assert.Equal(t, "`cpu_usage`", identifier("cpu_usage"))
	assert.Equal(t, "`a\\`), evil(\\\\\\``", identifier("a`), evil(\\`"))
}

func TestATallTerminalShowsMoreTags(t *testing.T) {
	for lines, want := range map[int]int{0: 8, 24: 8, 60: 25, 1000: 100} {
		assert.Equal(t, want, tagsOn(lines), "%d lines", lines)
	}
}
