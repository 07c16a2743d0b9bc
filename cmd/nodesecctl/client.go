// SPDX-License-Identifier: Apache-2.0

package main

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

// client asks one ClickHouse over HTTP.
type client struct {
	url            string // ends with a slash
	user, password string // an empty user is ClickHouse's default
}

// query writes the answer to out as it arrives. An exception of ClickHouse is an error, also one that comes after
// the first rows. When ctx ends, the query is stopped in the server.
func (c client) query(ctx context.Context, text, format string, colours bool, out io.Writer) error {
	id := "nodesecctl-" + rand.Text()
	settings := url.Values{"query_id": {id}, "default_format": {format}, "output_format_pretty_color": {"0"}}
	if colours {
		settings.Set("output_format_pretty_color", "1")
	}
	err := c.do(ctx, text, settings, out)
	if ctx.Err() == nil {
		return err
	}
	// Closing the connection does not stop a query that has no rows to send yet.
	kill, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	text = fmt.Sprintf("KILL QUERY WHERE query_id = '%s' ASYNC", id)
	if err := c.do(kill, text, nil, io.Discard); err != nil {
		return fmt.Errorf("stop the query in the server: %w", err)
	}
	return errors.New("query cancelled")
}

// do sends one query and copies the answer.
func (c client) do(ctx context.Context, text string, settings url.Values, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"?"+settings.Encode(), strings.NewReader(text))
	if err != nil {
		return err
	}
	req.Close = true // a server that is stopped next would wait for an idle connection
	req.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	if c.user != "" {
		req.Header.Set("X-ClickHouse-User", c.user)
	}
	if c.password != "" {
		req.Header.Set("X-ClickHouse-Key", c.password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(io.LimitReader(resp.Body, maxException))
		if len(message) == 0 {
			message = []byte(resp.Status)
		}
		return errors.New(strings.TrimSpace(string(message)))
	}
	return copyAnswer(out, resp.Body, resp.Header.Get("X-ClickHouse-Exception-Tag"))
}
