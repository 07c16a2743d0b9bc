// SPDX-License-Identifier: Apache-2.0

// Package clickhouse asks ClickHouse over HTTP: in any of its formats, and as a stream.
package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// killTimeout is how long to wait until the server has been told to stop a query.
const killTimeout = 5 * time.Second

// Client asks one server. Its zero value but for URL is ClickHouse's default user.
type Client struct {
	URL            string // of the HTTP interface; ends with a slash
	User, Password string
}

// Query is a statement with what belongs to it.
type Query struct {
	Text string
	// Format of the answer if the text names none; empty: TabSeparated.
	Format string
	// Parameters are the values of {name:Type} in the text. They need no quotes: they are never part of the text.
	Parameters map[string]string
	// Settings of ClickHouse for this query.
	Settings map[string]string
}

// Query writes the answer to out as it arrives. An exception of ClickHouse is an error, also one that comes after
// the first rows. When ctx ends, the query is stopped in the server.
func (c Client) Query(ctx context.Context, q Query, out io.Writer) error {
	id := "nodesecctl-" + rand.Text()
	values := q.values()
	values.Set("query_id", id)
	return c.stopping(ctx, id, c.do(ctx, values, strings.NewReader(q.Text), out))
}

// Exec runs a statement that answers nothing.
func (c Client) Exec(ctx context.Context, q Query) error { return c.Query(ctx, q, io.Discard) }

// Insert runs the INSERT with data that are in the format that it names.
func (c Client) Insert(ctx context.Context, q Query, data io.Reader) error {
	values := q.values()
	values.Set("query", q.Text)
	return c.do(ctx, values, data, io.Discard)
}

// values are the arguments of the request's address.
func (q Query) values() url.Values {
	values := url.Values{}
	for name, value := range q.Settings {
		values.Set(name, value)
	}
	for name, value := range q.Parameters {
		values.Set("param_"+name, escape(value))
	}
	if q.Format != "" {
		values.Set("default_format", q.Format)
	}
	return values
}

// escape writes a parameter as a field of TabSeparated, which is how the server reads it.
func escape(value string) string {
	return strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r", "\x00", "\\0").Replace(value)
}

// stopping stops the query in the server if ctx has ended. Closing the connection does not stop a query that has no
// rows to send yet.
func (c Client) stopping(ctx context.Context, id string, err error) error {
	if ctx.Err() == nil {
		return err
	}
	kill, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	text := fmt.Sprintf("KILL QUERY WHERE query_id = '%s' ASYNC", id)
	if err := c.do(kill, url.Values{}, strings.NewReader(text), io.Discard); err != nil {
		return fmt.Errorf("stop the query in the server: %w", err)
	}
	return fmt.Errorf("query cancelled: %w", ctx.Err())
}

// do sends one request and copies the answer.
func (c Client) do(ctx context.Context, values url.Values, body io.Reader, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"?"+values.Encode(), body)
	if err != nil {
		return err
	}
	req.Close = true // a server that is stopped next would wait for an idle connection
	// Compressed, the server would hold megabytes of rows back, and mix them into the text of an exception.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	if c.User != "" {
		req.Header.Set("X-ClickHouse-User", c.User)
	}
	if c.Password != "" {
		req.Header.Set("X-ClickHouse-Key", c.Password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	tag := resp.Header.Get("X-ClickHouse-Exception-Tag")
	if resp.StatusCode == http.StatusOK {
		return copyAnswer(out, resp.Body, tag)
	}
	message, _ := io.ReadAll(io.LimitReader(resp.Body, maxException))
	if len(message) == 0 {
		message = []byte(resp.Status)
	}
	return errors.New(strings.TrimSpace(string(message)))
}
