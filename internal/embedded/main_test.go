// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

// parentVariable makes this test binary a program that starts a server on the folder it names and waits.
const parentVariable = "NODESEC_TEST_PARENT"

func TestMain(m *testing.M) {
	embedded.RunChildIfAsked()
	if path := os.Getenv(parentVariable); path != "" {
		beParent(path)
	}
	embeddedtest.Main(m)
}

// beParent prints the Info of its server and waits for the end of its standard input.
func beParent(path string) {
	s, err := embedded.Start(context.Background(), embedded.Options{Path: path, Binary: os.Getenv("NODESEC_TEST_BINARY")})
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(s.Info())
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// ask sends a query to the server as user (empty: default) and returns status and answer.
func ask(t *testing.T, i embedded.Info, user, password, query string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.HTTPURL(), strings.NewReader(query))
	require.NoError(t, err)
	req.Close = true
	if user != "" {
		req.Header.Set("X-ClickHouse-User", user)
		req.Header.Set("X-ClickHouse-Key", password)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, strings.TrimSpace(string(body))
}

// one returns the answer to a query that must succeed.
func one(t *testing.T, i embedded.Info, query string) string {
	t.Helper()
	status, text := ask(t, i, "", "", query)
	require.Equal(t, http.StatusOK, status, "%s: %s", query, text)
	return text
}

// requireServer skips the test where no server can be had, before it does something that would fail for another
// reason.
func requireServer(t *testing.T) {
	t.Helper()
	embeddedtest.Shared(t)
}

// start is Start with a bound, for tests of its errors.
func start(t *testing.T, o embedded.Options) (*embedded.Server, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return embedded.Start(ctx, o)
}
