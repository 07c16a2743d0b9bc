// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"encoding/binary"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

// hello is a client's first packet, of a revision with a quota key as addendum.
func hello(database, user, password string) []byte {
	text := func(packet []byte, s string) []byte {
		return append(binary.AppendUvarint(packet, uint64(len(s))), s...)
	}
	packet := text([]byte{0}, "test")
	packet = append(packet, 1, 1)
	packet = binary.AppendUvarint(packet, 54460)
	return text(text(text(packet, database), user), password)
}

// Each of these ended libchdb when it talked to clients itself, be it by a reset, an end or what was sent.
func TestBrokenConnectionsDoNotEndTheServer(t *testing.T) {
	s := embeddedtest.Start(t, embedded.Options{})
	client := hello("", "default", "")
	tls := []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
	garbage := []byte("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4")
	post := "POST / HTTP/1.1\r\nHost: x\r\n"
	sent := map[string]map[string][]byte{
		s.Info().NativeAddr(): {
			"nothing": nil, "garbage": garbage, "TLS": tls, "HTTP": []byte("GET / HTTP/1.1\r\n\r\n"),
			"half a hello": client[:7], "a hello alone": client, "no user": hello("", "", ""),
			"another user": hello("", "nobody", ""), "another database": hello("none", "default", ""),
			"an idle session":            slices.Concat(client, []byte{0}),
			"garbage for a quota key":    slices.Concat(client, garbage),
			"garbage for a query":        append(slices.Concat(client, []byte{0}), garbage...),
			"a query that breaks off":    slices.Concat(client, []byte{0, 1, 1, 2}),
			"a length that is no length": slices.Concat(client[:1], garbage),
		},
		s.Info().HTTPAddr(): {
			"nothing": nil, "garbage": garbage, "TLS": tls, "half a line": []byte("GE"),
			"half a head":    []byte(post),
			"half a body":    []byte(post + "Content-Length: 99\r\n\r\nSELECT 1"),
			"a broken chunk": []byte(post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
			"a long query":   []byte(post + "Content-Length: 15\r\n\r\nSELECT sleep(2)"),
			"a page":         []byte("GET /play HTTP/1.1\r\nHost: x\r\n\r\n"),
			"no query":       []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
			"no such page":   []byte("GET /none HTTP/1.1\r\nHost: x\r\n\r\n"),
			"a big answer":   []byte("GET /?query=SELECT+number+FROM+system.numbers HTTP/1.1\r\nHost: x\r\n\r\n"),
			"a wrong user":   []byte(post + "X-ClickHouse-User: x\r\nContent-Length: 8\r\n\r\nSELECT 1"),
		},
	}
	for address, cases := range sent {
		for name, bytes := range cases {
			for _, patience := range []time.Duration{0, 50 * time.Millisecond} {
				sendAndLeave(t, address, bytes, patience, false)
				sendAndLeave(t, address, bytes, patience, true)
				require.Equal(t, "1", one(t, s.Info(), "SELECT 1"), "%s to %s", name, address)
			}
		}
	}
}

// sendAndLeave sends bytes, waits for some time without reading, and ends the connection.
func sendAndLeave(t *testing.T, address string, bytes []byte, patience time.Duration, reset bool) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	_, err = conn.Write(bytes)
	require.NoError(t, err)
	time.Sleep(patience)
	if reset {
		require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
	}
	require.NoError(t, conn.Close())
	time.Sleep(20 * time.Millisecond)
}

func TestClientsAreTurnedAwayInTheWordsOfClickHouse(t *testing.T) {
	i := embeddedtest.Shared(t)
	tests := map[string]struct {
		auth clickhouse.Auth
		code int32
	}{
		"a user that does not exist":     {clickhouse.Auth{Username: "nobody"}, 516},
		"a database that does not exist": {clickhouse.Auth{Database: "it's not \\ here"}, 81},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{i.NativeAddr()}, Auth: test.auth})
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close()) }()
			var exception *clickhouse.Exception
			require.ErrorAs(t, conn.Ping(t.Context()), &exception)
			assert.Equal(t, test.code, exception.Code)
		})
	}
}

func TestClientsReachTheDatabaseTheyName(t *testing.T) {
	i := embeddedtest.Shared(t)
	one(t, i, "CREATE DATABASE IF NOT EXISTS `it's \\\\ here`")
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{i.NativeAddr()},
		Auth: clickhouse.Auth{Database: `it's \ here`},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	var database string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT currentDatabase()").Scan(&database))
	assert.Equal(t, `it's \ here`, database)
}

func TestQueryInTheURLMayHoldSemicolons(t *testing.T) {
	i := embeddedtest.Shared(t)
	resp, err := http.Get(i.HTTPURL() + "?query=SELECT+1;")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}
