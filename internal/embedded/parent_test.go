// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

// standIn is a program that takes the command line of `clickhouse server` and serves libchdb, for hosts without a
// clickhouse binary: what is tested with it is our side, the process that supervises the binary. It holds a pipe
// that never ends where serving from libchdb expects the parent's.
const standIn = `#!/bin/sh
[ "$1" = server ] || exit 2
config="${2#--config-file=}"
folder="${config%/config/server.xml}"
mkfifo "$folder/never"
exec 4<&3 3<>"$folder/never"
export NODESEC_EMBEDDED_SERVER='{"library":"LIBRARY","config":"'"$config"'","folder":"'"$folder"'","supervised":true}'
exec EXECUTABLE
`

// standInBinary writes the stand-in and returns its path.
func standInBinary(t *testing.T) string {
	t.Helper()
	requireServer(t)
	self, err := os.Executable()
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	libraries, err := filepath.Glob(filepath.Join(cache, "nodesec", "libchdb-*", "libchdb.so"))
	require.NoError(t, err)
	if len(libraries) == 0 {
		t.Skip("needs libchdb in the cache folder")
	}
	path := filepath.Join(t.TempDir(), "clickhouse")
	text := strings.NewReplacer("LIBRARY", libraries[0], "EXECUTABLE", self).Replace(standIn)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

func TestBinaryIsSupervised(t *testing.T) {
	s := embeddedtest.Start(t, embedded.Options{Binary: standInBinary(t)})
	one(t, s.Info(), "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
	one(t, s.Info(), "INSERT INTO kept VALUES (7)")
	s.Kill(t)
	require.NoError(t, os.Remove(filepath.Join(s.Path(), "never")))
	s.Restart(t)
	assert.Equal(t, "7", one(t, s.Info(), "SELECT n FROM kept"))
	s.Stop(t)
	assertGone(t, s.Path(), s.Info())
}

func TestServerEndsWhenItsParentIsKilled(t *testing.T) {
	requireServer(t)
	for name, program := range map[string]string{"libchdb": "", "clickhouse binary": standInBinary(t)} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			parent, i := startParent(t, path, program)
			require.Equal(t, "1", one(t, i, "SELECT 1"))
			require.NoError(t, parent.Process.Kill())
			_ = parent.Wait()
			assertGone(t, path, i)
		})
	}
}

// startParent runs this test binary as the parent of a server.
func startParent(t *testing.T, path, program string) (*exec.Cmd, embedded.Info) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), parentVariable+"="+path, "NODESEC_TEST_BINARY="+program)
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe() // ends with this process, so that nothing stays behind
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var i embedded.Info
	require.NoError(t, json.NewDecoder(out).Decode(&i))
	return cmd, i
}

// assertGone expects that soon nothing listens any more and the folder is free.
func assertGone(t *testing.T, path string, i embedded.Info) {
	t.Helper()
	assert.Eventually(t, func() bool {
		_, err := embedded.Find(t.Context(), path)
		return err != nil
	}, time.Minute, 20*time.Millisecond, "the folder is still locked")
	_, err := net.DialTimeout("tcp", i.NativeAddr(), time.Second)
	assert.Error(t, err, "something still listens")
}
