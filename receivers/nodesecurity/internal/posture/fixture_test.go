// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// containers are the fixtures of containers, each a process on the node of testdata/node.
func containerFixtures() []string {
	return []string{
		"ordinary", "distroless-nonroot", "privileged", "privileged-nonroot", "host-network", "host-pid-ipc",
		"runtime-socket", "subpath-etc", "user-namespace",
	}
}

// fixtureNode copies testdata/node, which a test may change then, and adds what git or Windows could not keep: the links
// of namespaces.
func fixtureNode(t testing.TB) string {
	t.Helper()
	node := t.TempDir()
	require.NoError(t, os.CopyFS(node, os.DirFS("testdata/node")))
	linkNamespaces(t, filepath.Join(node, "proc/1"))
	return node
}

// linkNamespaces makes the links out of the file namespaces, lines of kind and inode number.
func linkNamespaces(t testing.TB, process string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(process, "namespaces"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(process, "ns"), 0o755))
	for line := range strings.Lines(string(data)) {
		var kind, inode string
		_, err := fmt.Sscan(line, &kind, &inode)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(kind+":["+inode+"]", filepath.Join(process, "ns", kind)))
	}
}

// addContainer makes a fixture a process of the node.
func addContainer(t testing.TB, node, fixture string, pid int) string {
	t.Helper()
	process := filepath.Join(node, "proc", fmt.Sprint(pid))
	require.NoError(t, os.CopyFS(process, os.DirFS(filepath.Join("testdata", fixture))))
	linkNamespaces(t, process)
	require.NoError(t, os.Mkdir(filepath.Join(process, "attr"), 0o755))
	require.NoError(t, os.Rename(filepath.Join(process, "attr_current"), filepath.Join(process, "attr/current")))
	return process
}

func newReader(t testing.TB, root string) *Reader {
	t.Helper()
	r, err := New(root)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// values are the facts of a metric by name. No fact may be there twice.
func values(t testing.TB, facts []Fact, metric Metric) map[string]int64 {
	t.Helper()
	got := make(map[string]int64)
	for _, f := range facts {
		if f.Metric == metric {
			require.NotContains(t, got, f.Name)
			got[f.Name] = f.Value
		}
	}
	return got
}

// raised are the names of flags that are 1, in order of the facts.
func raised(facts []Fact, metric Metric) (names []string) {
	for _, f := range facts {
		if f.Metric == metric && f.Value == 1 {
			names = append(names, f.Name)
		}
	}
	return names
}

func write(t testing.TB, root, path, content string) {
	t.Helper()
	path = filepath.Join(root, path)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}
