// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
)

// Select returns the rows of the answer; T takes one row as JSON, by the names of the columns. Times are RFC 3339.
func Select[T any](ctx context.Context, c Client, q Query) ([]T, error) {
	q.Format = "JSONEachRow"
	settings := map[string]string{
		"output_format_json_quote_64bit_integers": "0",
		"date_time_output_format":                 "iso",
	}
	maps.Copy(settings, q.Settings)
	q.Settings = settings

	reader, writer := io.Pipe()
	answered := make(chan error, 1)
	go func() {
		err := c.Query(ctx, q, writer)
		_ = writer.CloseWithError(err)
		answered <- err
	}()
	rows, err := decode[T](reader)
	_ = reader.CloseWithError(err) // or the writer would wait for a reader that gave up
	if queryErr := <-answered; queryErr != nil && err == nil {
		return nil, queryErr
	}
	return rows, err
}

func decode[T any](r io.Reader) (rows []T, err error) {
	decoder := json.NewDecoder(r)
	for {
		var row T
		err := decoder.Decode(&row)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		rows = append(rows, row)
	}
}

// One returns the only row of the answer.
func One[T any](ctx context.Context, c Client, q Query) (T, error) {
	rows, err := Select[T](ctx, c, q)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("%d rows in the answer instead of one", len(rows))
	}
	if err != nil {
		var none T
		return none, err
	}
	return rows[0], nil
}
