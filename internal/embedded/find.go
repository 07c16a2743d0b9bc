// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// libraryVariable names the environment variable with the path of a libchdb.so.
const libraryVariable = "NODESEC_LIBCHDB"

// ErrNoEngine is wrapped by errors about a host on which no ClickHouse can be had.
var ErrNoEngine = errors.New("no ClickHouse to run")

// waysOut ends the errors about a ClickHouse that can't be had.
const waysOut = "put a clickhouse binary on PATH (or name it with --binary), " +
	"or set " + libraryVariable + " to a libchdb.so"

// engine is what serves: one of the two.
type engine struct{ library, binary string }

// findEngine looks in the order that the package comment gives, fetching libchdb at last.
func findEngine(ctx context.Context, o Options) (engine, error) {
	if o.Binary != "" {
		path, err := exec.LookPath(o.Binary)
		if err != nil {
			return engine{}, fmt.Errorf("%w: binary: %w", ErrNoEngine, err)
		}
		return engine{binary: path}, nil
	}
	if path, err := exec.LookPath("clickhouse"); err == nil {
		return engine{binary: path}, nil
	}
	if path := os.Getenv(libraryVariable); path != "" {
		return engine{library: path}, checkLibrary(path)
	}
	path, err := fetchLibrary(ctx, o.Output)
	return engine{library: path}, err
}

// checkLibrary says early what the loader would say late; whether it is libchdb only loading it shows.
func checkLibrary(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoEngine, libraryVariable, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s: %s is not a file", ErrNoEngine, libraryVariable, path)
	}
	return nil
}
