// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/measure"
)

// Query sends a statement over HTTP and returns what the server answers, in the format that the statement names or
// tab-separated.
func (s *Server) Query(ctx context.Context, sql string) ([]byte, error) {
	address := "http://" + s.HTTP + "/"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(sql))
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", firstLine(sql), strings.TrimSpace(string(body)))
	}
	return body, nil
}

// Exec sends statements one after the other.
func (s *Server) Exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := s.Query(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// Float returns the only value of the answer.
func (s *Server) Float(ctx context.Context, sql string) (float64, error) {
	answer, err := s.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(string(answer)), 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", firstLine(sql), err)
	}
	return value, nil
}

// Lines returns the lines of the answer in sorted order, to compare answers whose order is not fixed.
func (s *Server) Lines(ctx context.Context, sql string) ([]string, error) {
	answer, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(answer)), "\n")
	slices.Sort(lines)
	return lines, nil
}

// Timing is what a query costs: CPU time of the whole server process, time until the last byte, bytes of the answer.
type Timing struct {
	CPU, Wall time.Duration
	Bytes     int
}

// Time runs a query once and returns its cost.
func (s *Server) Time(ctx context.Context, sql string) (Timing, error) {
	before, err := measure.ProcessCPU(s.PID)
	if err != nil {
		return Timing{}, err
	}
	started := time.Now()
	answer, err := s.Query(ctx, sql)
	if err != nil {
		return Timing{}, err
	}
	wall := time.Since(started)
	after, err := measure.ProcessCPU(s.PID)
	return Timing{CPU: after - before, Wall: wall, Bytes: len(answer)}, err
}

// Settle waits until no merge runs any more.
func (s *Server) Settle(ctx context.Context) error {
	for quiet := 0; quiet < 5; {
		merges, err := s.Float(ctx, "SELECT count() FROM system.merges")
		if err != nil {
			return err
		}
		quiet++
		if merges > 0 {
			quiet = 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil
}

func firstLine(sql string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(sql), "\n")
	if len(line) > 120 {
		line = line[:120] + "..."
	}
	return line
}
