// SPDX-License-Identifier: Apache-2.0

package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVerdicts(t *testing.T) {
	require.Equal(t, "at most 0.75: pass", AtMost(0.75, 0.75, ""))
	require.Equal(t, "at most 50 ms: **fail**", AtMost(51, 50, " ms"))
	require.Equal(t, "at least 5 times: pass", AtLeast(7, 5, " times"))
	require.Equal(t, "at least 2.5 times: **fail**", AtLeast(2.4, 2.5, " times"))
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	require.Equal(t, "0.0627", Number(0.06273))
	require.Equal(t, "54.2", Number(54.21))
	require.Equal(t, "123457", Number(123456.7))
}

func TestResultsReplaceThoseBefore(t *testing.T) {
	table := Table{Title: "T", Columns: []string{"a", "b"}, Note: "Note."}
	table.Add("1", "2")
	text := Markdown([]Table{table}, "M", "make bench")

	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte("# Page\n"+startMarker+"\nold\n"+endMarker+"\nEnd.\n"), 0o600))
	for range 2 {
		require.NoError(t, Insert(file, text))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "# Page\n"+startMarker+"\n\nMachine: M. Command: `make bench`.\n\n"+
		"### T\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nNote.\n\n"+endMarker+"\nEnd.\n", string(got))
}

func TestAFileWithoutMarkersIsLeftAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte("# Page\n"), 0o600))
	require.ErrorIs(t, Insert(file, "text"), ErrNoMarkers)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "# Page\n", string(got))
}

func TestTablesThatWereNotMeasuredAgainStay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	page := func(results string) string {
		return "# Page\n" + startMarker + "\n\n" + results + "\n\n" + endMarker + "\nmore\n"
	}
	const a, b, c = "### A\n\n| 1 |\n\nNote.", "### B\n\n| 2 |", "### C\n\n| 3 |"
	require.NoError(t, os.WriteFile(file, []byte(page("Machine: x. Command: `all`.\n\n"+a+"\n\n"+b+"\n\n"+c)), 0o600))
	for _, step := range []struct{ add, want string }{
		{
			"Machine: y. Command: `b`.\n\n### B\n\n| 20 |",
			"Machine: y. Command: `b`.\n\n### B\n\n| 20 |\n\nMachine: x. Command: `all`.\n\n" + a + "\n\n" + c,
		},
		{
			"Machine: z. Command: `ac`.\n\n" + c + "\n\n" + a,
			"Machine: z. Command: `ac`.\n\n" + c + "\n\n" + a + "\n\nMachine: y. Command: `b`.\n\n### B\n\n| 20 |",
		},
	} {
		require.NoError(t, Insert(file, step.add))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, page(step.want), string(text))
	}
}
