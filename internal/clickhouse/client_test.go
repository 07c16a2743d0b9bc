// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func newClient(t *testing.T) Client { return Client{URL: embeddedtest.Shared(t).HTTPURL()} }

func TestParametersComeBackAsTheyAre(t *testing.T) {
	for _, text := range []string{"plain", "a'b", "\\", "\\N", "a\tb\nc\rd", "é", `"`, "{x:String}", "\x00"} {
		row, err := One[struct{ X string }](t.Context(), newClient(t), Query{
			Text: "SELECT {x:String} AS X", Parameters: map[string]string{"x": text},
		})
		require.NoError(t, err, "%q", text)
		assert.Equal(t, text, row.X)
	}
}

func TestSelectReadsRows(t *testing.T) {
	rows, err := Select[struct {
		N uint64
		T time.Time
	}](t.Context(), newClient(t), Query{
		Text: "SELECT number + 18446744073709551613 AS N, toDateTime64('2026-03-02 12:00:00.25', 6, 'UTC') AS T FROM numbers(2)",
	})
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Equal(t, uint64(18446744073709551614), rows[1].N)
	assert.Equal(t, time.Date(2026, time.March, 2, 12, 0, 0, 250_000_000, time.UTC), rows[1].T)
}

func TestExceptionsAreErrors(t *testing.T) {
	c := newClient(t)
	require.ErrorContains(t, c.Exec(t.Context(), Query{Text: "SELECT nothing"}), "UNKNOWN_IDENTIFIER")
	late := Query{
		Text: "SELECT throwIf(number = 3000000) FROM numbers(4000000)", Format: "TabSeparated",
		Settings: map[string]string{"max_block_size": "1000"},
	}
	var out strings.Builder
	require.ErrorContains(t, c.Query(t.Context(), late, &out), "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO")
	assert.NotContains(t, out.String(), "exception", "only rows are copied")
	_, err := Select[struct{ N int }](t.Context(), c, Query{Text: "SELECT 'text' AS N"})
	require.ErrorContains(t, err, "read the answer")
}

func TestQueryStopsInTheServer(t *testing.T) {
	c := newClient(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	text := "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 SETTINGS log_comment = 'to be stopped'"
	require.ErrorIs(t, c.Query(ctx, Query{Text: text}, io.Discard), context.DeadlineExceeded)
	require.Eventually(t, func() bool {
		row, err := One[struct{ N int }](t.Context(), c, Query{
			Text: "SELECT count() AS N FROM system.processes WHERE Settings['log_comment'] = 'to be stopped'",
		})
		return err == nil && row.N == 0
	}, 10*time.Second, 50*time.Millisecond)
}
