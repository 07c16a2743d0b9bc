// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Info is what others need to connect to a server. It is kept in server.json of the data folder, also after the
// server has stopped, so that the next one can have the same ports.
type Info struct {
	PID      int    `json:"pid"`       // the process that Start made; 0 until the server answers
	Listen   string `json:"listen"`    // IP address
	TCPPort  int    `json:"tcp_port"`  // native protocol
	HTTPPort int    `json:"http_port"` // HTTP
	User     string `json:"user"`      // default when no password is needed
	Version  string `json:"version"`   // of ClickHouse
}

// ErrNotRunning says that no server runs on the folder.
var ErrNotRunning = errors.New("no server is running")

// stateFile is the name of the file with the Info.
const stateFile = "server.json"

// NativeAddr is host:port for clients of the native protocol on this host.
func (i Info) NativeAddr() string { return net.JoinHostPort(i.host(), strconv.Itoa(i.TCPPort)) }

// HTTPAddr is host:port for HTTP clients on this host.
func (i Info) HTTPAddr() string { return net.JoinHostPort(i.host(), strconv.Itoa(i.HTTPPort)) }

// HTTPURL is the address of the HTTP interface, with a slash at its end.
func (i Info) HTTPURL() string { return "http://" + i.HTTPAddr() + "/" }

// PlayURL is the address of ClickHouse's built-in query page.
func (i Info) PlayURL() string { return i.HTTPURL() + "play" }

// host is where to connect to from this host: the wildcard address is none to connect to.
func (i Info) host() string {
	switch ip := net.ParseIP(i.Listen); {
	case ip == nil || !ip.IsUnspecified():
		return i.Listen
	case ip.To4() != nil:
		return "127.0.0.1"
	default:
		return "::1"
	}
}

// Find returns the server that runs on the folder path, or ErrNotRunning. One that is just starting it waits for,
// as long as ctx allows.
func Find(ctx context.Context, path string) (Info, error) {
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, fmt.Errorf("data folder %s: %w", path, ErrNotRunning)
	}
	if err != nil {
		return Info{}, fmt.Errorf("data folder: %w", err)
	}
	defer func() { _ = lock.Close() }()
	for {
		locked, err := isLocked(lock)
		if err != nil {
			return Info{}, err
		}
		if !locked {
			return Info{}, fmt.Errorf("data folder %s: %w", path, ErrNotRunning)
		}
		if i := readInfo(path); i.PID != 0 {
			return i, nil
		}
		select {
		case <-ctx.Done():
			return Info{}, fmt.Errorf("wait for the server on %s to start: %w", path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lastInfo is that of the folder's last server, or the zero Info.
func (f *folder) lastInfo() Info { return readInfo(f.path) }

// readInfo reads the state file; one that is missing or broken is as good as none.
func readInfo(path string) Info {
	var i Info
	text, err := os.ReadFile(filepath.Join(path, stateFile))
	if err != nil || json.Unmarshal(text, &i) != nil {
		return Info{}
	}
	return i
}

// forgetProcess says in the state file that nobody answers yet. The ports stay.
func (f *folder) forgetProcess() error {
	i := f.lastInfo()
	i.PID = 0
	return f.writeInfo(i)
}

// writeInfo replaces the state file in one step: readers see the old or the new one.
func (f *folder) writeInfo(i Info) error {
	text, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", stateFile, err)
	}
	tmp := f.file(stateFile + ".new")
	if err := os.WriteFile(tmp, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", stateFile, noSpace(err, f.path))
	}
	if err := os.Rename(tmp, f.file(stateFile)); err != nil {
		return fmt.Errorf("replace %s: %w", stateFile, err)
	}
	return nil
}
