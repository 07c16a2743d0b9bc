// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// waitReady returns when the server answers a query on both ports, or has ended, or takes too long.
func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.StartTimeout,
		fmt.Errorf("no answer within %s", s.options.StartTimeout))
	defer cancel()
	for {
		err := s.askBoth(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("ClickHouse ended while it started: %w%s", s.exit, s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("wait for ClickHouse: %w (last: %w)%s", context.Cause(ctx), err, s.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// askBoth asks the server for its version over both protocols.
func (s *Server) askBoth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	version, err := s.askHTTP(ctx)
	if err != nil {
		return err
	}
	s.info.Version = version
	return s.askNative(ctx)
}

func (s *Server) askHTTP(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.info.HTTPURL(), strings.NewReader("SELECT version()"))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-ClickHouse-User", s.options.User)
	req.Header.Set("X-ClickHouse-Key", s.options.Password)
	req.Close = true // no idle connection stays behind
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP: %s: %s", resp.Status, text)
	}
	return text, nil
}

func (s *Server) askNative(ctx context.Context) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{s.info.NativeAddr()},
		Auth: clickhouse.Auth{Username: s.options.User, Password: s.options.Password},
	})
	if err != nil {
		return err
	}
	var one uint8
	return errors.Join(conn.QueryRow(ctx, "SELECT 1").Scan(&one), conn.Close())
}

// lastWords returns the end of what the process printed, for an error: a new line, then at most 15 lines.
func (s *Server) lastWords() string {
	const maxLines, maxBytes = 15, 4 << 10
	text, err := os.ReadFile(s.output)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return ""
	}
	text = bytes.TrimSpace(text[max(0, len(text)-maxBytes):])
	lines := strings.Split(string(text), "\n")
	lines = lines[max(0, len(lines)-maxLines):]
	return fmt.Sprintf("; the end of %s:\n%s", s.output, strings.Join(lines, "\n"))
}
