// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program writes a shell script.
func program(t *testing.T, path, script string) string {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return path
}

func TestFindCollector(t *testing.T) {
	dir := t.TempDir()
	named, onPath := program(t, filepath.Join(dir, "mine"), ""), program(t, filepath.Join(dir, "bin/nodesec"), "")
	t.Setenv("PATH", filepath.Dir(onPath))
	got, err := findCollector(named)
	require.NoError(t, err)
	assert.Equal(t, named, got)

	got, err = findCollector("")
	require.NoError(t, err)
	assert.Equal(t, onPath, got, "there is none beside a test")

	_, err = findCollector(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	t.Setenv("PATH", dir)
	_, err = findCollector("")
	require.ErrorIs(t, err, errNoCollector)
}

func TestACollectorThatEndsByItselfIsReportedOnce(t *testing.T) {
	dir := t.TempDir()
	binary := program(t, filepath.Join(dir, "nodesec"), `echo "$1 $2 $NODESEC_X"; echo "no such endpoint" >&2; exit 3`)
	c, err := startCollector(binary, "config.yaml", dir, []string{"NODESEC_X=42"})
	require.NoError(t, err)
	assert.False(t, c.waitOrDone(t.Context(), time.Minute))
	require.EqualError(t, c.failure(), "the collector ended: exit status 3; the end of its log "+
		filepath.Join(dir, "collector.log")+":\n--config config.yaml 42\nno such endpoint")
	require.NoError(t, c.stop(), "told already")
}

func TestStopTellsOfACollectorThatFails(t *testing.T) {
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	for _, tt := range []struct {
		name, status, want string
	}{{"in order", "0", ""}, {"with an error", "4", "exit status 4"}} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(ready))
			binary := program(t, filepath.Join(dir, "nodesec"),
				fmt.Sprintf("trap 'exit %s' TERM; : > %s; while :; do sleep 0.01; done", tt.status, ready))
			c, err := startCollector(binary, "config.yaml", dir, nil)
			require.NoError(t, err)
			require.Eventually(t, func() bool { _, err := os.Stat(ready); return err == nil }, time.Minute, time.Millisecond)
			if err = c.stop(); tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

func TestStartOfWhatIsNoProgram(t *testing.T) {
	_, err := startCollector(t.TempDir(), "config.yaml", t.TempDir(), nil)
	require.ErrorIs(t, err, os.ErrPermission)
	_, err = startCollector("sh", "config.yaml", filepath.Join(t.TempDir(), "none"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	var exit *exec.ExitError
	require.NotErrorAs(t, err, &exit)
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, tt := range []struct{ name, text, want string }{
		{"an empty file", "", ""},
		{"fewer lines", "a\nb\n", "a\nb"},
		{"the last ones", "a\nb\nc\nd", "b\nc\nd"},
		{"a long line", strings.Repeat("x", 9000), strings.Repeat("x", 8192)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o600))
			assert.Equal(t, tt.want, tail(path, 3))
		})
	}
	assert.Contains(t, tail(path+"2", 3), "no such file", "what is wrong, in place of the lines")
}

func TestFreePorts(t *testing.T) {
	ports, err := freePorts(3)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, port := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		seen[port] = true
	}
	assert.Len(t, seen, 3)
}
