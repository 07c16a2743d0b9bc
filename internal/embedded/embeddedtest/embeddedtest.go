// SPDX-License-Identifier: Apache-2.0

// Package embeddedtest gives tests a real ClickHouse server.
//
// A test package that uses it has
//
//	func TestMain(m *testing.M) { embeddedtest.Main(m) }
//
// and its tests call [Shared] for the one server of the test binary, or [Start] for one of their own, which they
// may crash and restart. Where no server can be had, tests are skipped with the reason; NODESEC_TEST_CLICKHOUSE=1
// makes that a failure, and 0 skips them without trying.
package embeddedtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nodesec/nodesec/internal/embedded"
)

// switchVariable names the environment variable that decides about tests with a server.
const switchVariable = "NODESEC_TEST_CLICKHOUSE"

// startTimeout bounds a start with the download that may come first.
const startTimeout = 10 * time.Minute

// shared is the server of this test binary. A package-level variable, because only TestMain outlives the tests,
// and the testing package hands nothing from it to them.
var shared struct {
	sync.Mutex
	server *embedded.Server
	folder string
	err    error
}

// Main runs the tests of a package and then stops the shared server. It does not return.
func Main(m *testing.M) {
	embedded.RunChildIfAsked()
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// Shared returns the addresses of the one server of this test binary, which it starts at the first call. Tests keep
// apart by databases or tables of their own; system.query_log and system.part_log are there.
func Shared(t testing.TB) embedded.Info {
	t.Helper()
	skipIfOff(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.err = startShared()
	}
	check(t, shared.err)
	return shared.server.Info()
}

func startShared() error {
	folder, err := os.MkdirTemp("", "nodesec-test-")
	if err != nil {
		return err
	}
	shared.folder = folder
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	shared.server, err = embedded.Start(ctx, embedded.Options{Path: folder, QueryLog: true, Output: os.Stderr})
	return err
}

func stopShared() error {
	shared.Lock()
	defer shared.Unlock()
	var err error
	if shared.server != nil {
		err = shared.server.Stop()
	}
	if shared.folder != "" {
		err = errors.Join(err, os.RemoveAll(shared.folder))
	}
	return err
}

// Server is a server that belongs to one test.
type Server struct {
	options embedded.Options
	server  *embedded.Server
}

// Start runs a server until the end of the test. An empty o.Path means a folder that is removed with the test.
func Start(t testing.TB, o embedded.Options) *Server {
	t.Helper()
	skipIfOff(t)
	if o.Path == "" {
		o.Path = t.TempDir()
	}
	if o.Output == nil {
		o.Output = t.Output()
	}
	s := &Server{options: o}
	var err error
	s.server, err = s.start()
	check(t, err)
	t.Cleanup(func() {
		if err := s.server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Server) start() (*embedded.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return embedded.Start(ctx, s.options)
}

// Info returns the addresses of the server; they stay the same over Restart.
func (s *Server) Info() embedded.Info { return s.server.Info() }

// Path returns the data folder.
func (s *Server) Path() string { return s.options.Path }

// Kill crashes the server: SIGKILL to the process that is the server.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.server.Kill(); err != nil {
		t.Fatal(err)
	}
}

// Stop shuts the server down.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.server.Stop(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts the server again on the same folder and ports; one that still runs is shut down first.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	i := s.server.Info()
	s.options.TCPPort, s.options.HTTPPort = i.TCPPort, i.HTTPPort
	server, err := s.start()
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
}

// skipIfOff skips the test where the environment says so.
func skipIfOff(t testing.TB) {
	t.Helper()
	if os.Getenv(switchVariable) == "0" {
		t.Skipf("needs ClickHouse, and %s=0", switchVariable)
	}
}

// check ends the test if there is no server: a host that can't have one is a reason to skip, unless it must have
// one; a server that does not start is a failure.
func check(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if errors.Is(err, embedded.ErrNoEngine) && os.Getenv(switchVariable) != "1" {
		t.Skipf("needs ClickHouse: %v", err)
	}
	t.Fatal(err)
}
