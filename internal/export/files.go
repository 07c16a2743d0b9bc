// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nodesec/nodesec/internal/clickhouse"
)

// stateFile remembers what of an unfinished export is written.
const stateFile = "unfinished.json"

// folder is an export under way: it has another name until it is whole.
type folder struct {
	final, partial string
	state          state
}

type state struct {
	Options Options `json:"options"`
	Files   []File  `json:"files"`
}

// File is a file of the data set.
type File struct {
	Path   string `json:"path"` // in the data set's folder, with slashes
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Rows   int64  `json:"rows,omitempty"`
}

// isFree says whether a folder can be made there.
func isFree(name string) error {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--output: %s exists; name another folder, or remove this one", name)
	}
	return nil
}

// open makes the folder, or goes on with one that an export with the same options left.
func open(final string, o Options) (*folder, error) {
	f := &folder{final: final, partial: final + ".unfinished", state: state{Options: o}}
	text, err := os.ReadFile(filepath.Join(f.partial, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(f.partial, 0o755); err != nil {
			return nil, fmt.Errorf("make the folder of the data set: %w", err)
		}
		return f, f.remember()
	}
	if err != nil {
		return nil, fmt.Errorf("go on with the unfinished export: %w", err)
	}
	var before state
	if err := json.Unmarshal(text, &before); err != nil {
		return nil, fmt.Errorf("go on with the unfinished export in %s: %w; remove that folder", f.partial, err)
	}
	if !sameOptions(before.Options, o) {
		return nil, fmt.Errorf("%s is an unfinished export with other options: remove it, or use its options", f.partial)
	}
	f.state.Files = before.Files
	return f, nil
}

func sameOptions(a, b Options) bool {
	a.From, a.To, b.From, b.To = a.From.UTC(), a.To.UTC(), b.From.UTC(), b.To.UTC()
	one, _ := json.Marshal(a)
	other, _ := json.Marshal(b)
	return string(one) == string(other)
}

// remember writes the state, whole or not at all.
func (f *folder) remember() error {
	text, err := json.MarshalIndent(f.state, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(f.partial, stateFile)
	if err := os.WriteFile(name+".tmp", text, 0o644); err != nil {
		return fmt.Errorf("remember what is written: %w", err)
	}
	return os.Rename(name+".tmp", name)
}

// has returns the file if it is written already.
func (f *folder) has(path string) (File, bool) {
	for _, file := range f.state.Files {
		if file.Path == path {
			info, err := os.Stat(filepath.Join(f.partial, filepath.FromSlash(path)))
			return file, err == nil && info.Size() == file.Size
		}
	}
	return File{}, false
}

// fetch streams the answer of a query into a file.
func (f *folder) fetch(ctx context.Context, c clickhouse.Client, q clickhouse.Query, path string, rows int64) error {
	if _, done := f.has(path); done {
		return nil
	}
	return f.write(path, rows, func(w io.Writer) error { return c.Query(ctx, q, w) })
}

// write makes a file of what fill writes and remembers it.
func (f *folder) write(path string, rows int64, fill func(io.Writer) error) error {
	name := filepath.Join(f.partial, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	out, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	sum := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(out, sum), 1<<20)
	err = errors.Join(fill(buffered), buffered.Flush(), out.Sync())
	info, statErr := out.Stat()
	if err = errors.Join(err, statErr, out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	file := File{Path: path, SHA256: hex.EncodeToString(sum.Sum(nil)), Size: info.Size(), Rows: rows}
	for i := range f.state.Files {
		if f.state.Files[i].Path == path {
			f.state.Files[i] = file
			return f.remember()
		}
	}
	f.state.Files = append(f.state.Files, file)
	return f.remember()
}

// text makes a file of a text.
func (f *folder) text(path, text string) error {
	return f.write(path, 0, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

// finish gives the folder its name, when all is there.
func (f *folder) finish() error {
	if err := os.Remove(filepath.Join(f.partial, stateFile)); err != nil {
		return fmt.Errorf("finish the data set: %w", err)
	}
	if err := os.Rename(f.partial, f.final); err != nil {
		return fmt.Errorf("finish the data set: %w", err)
	}
	return nil
}

// sizeText is a size in bytes as Croissant writes it.
func sizeText(bytes int64) string { return fmt.Sprintf("%d B", bytes) }
