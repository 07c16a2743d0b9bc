// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPIServerKeepsAndChecksObjects(t *testing.T) {
	a := StartAPI(t)
	out, err := a.Kubectl(t.Context(), "", "version", "-o", "json")
	require.NoError(t, err)
	var versions struct{ ServerVersion, ClientVersion struct{ GitVersion string } }
	require.NoError(t, json.Unmarshal([]byte(out), &versions))
	assert.Equal(t, version, versions.ServerVersion.GitVersion)
	assert.Equal(t, version, versions.ClientVersion.GitVersion)

	const pod = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}`
	_, err = a.Kubectl(t.Context(), pod, "apply", "-f", "-")
	require.NoError(t, err)
	out, err = a.Kubectl(t.Context(), "", "get", "pod", "web", "-o", "jsonpath={.spec.containers[0].image}")
	require.NoError(t, err)
	assert.Equal(t, "web:1", out)

	const wrong = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web2"}, "spec": {"container": []}}`
	_, err = a.Kubectl(t.Context(), wrong, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
	assert.ErrorContains(t, err, `unknown field "spec.container"`)

	_, err = a.Kubectl(t.Context(), "", "create", "namespace", "strict")
	require.NoError(t, err)
	_, err = a.Kubectl(t.Context(), "", "label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
	require.NoError(t, err)
	_, err = a.Kubectl(t.Context(), pod, "apply", "--dry-run=server", "-n", "strict", "-f", "-")
	assert.ErrorContains(t, err, `violates PodSecurity "restricted:latest"`)
}

func TestCacheIsFilledOnceAndAgainWhenItWasChanged(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	folder, err := cacheFolder("x", []byte("a"), []byte("bc"))
	require.NoError(t, err)
	other, err := cacheFolder("x", []byte("ab"), []byte("c"))
	require.NoError(t, err)
	assert.NotEqual(t, folder, other)

	filled := 0
	fill := func(dir string) error {
		filled++
		return errors.Join(os.WriteFile(filepath.Join(dir, "f"), []byte("text"), 0o644), os.Symlink("f", filepath.Join(dir, "l")))
	}
	for range 2 {
		require.NoError(t, fillCache(t.Context(), folder, fill))
	}
	assert.Equal(t, 1, filled)

	for about, change := range map[string]func() error{
		"content": func() error { return os.WriteFile(filepath.Join(folder, "f"), []byte("TEXT"), 0o644) },
		"removed": func() error { return os.Remove(filepath.Join(folder, "l")) },
		"added":   func() error { return os.WriteFile(filepath.Join(folder, "g"), nil, 0o644) },
		"link": func() error {
			return errors.Join(os.Remove(filepath.Join(folder, "l")), os.Symlink("g", filepath.Join(folder, "l")))
		},
	} {
		before := filled
		require.NoError(t, change(), about)
		assert.ErrorIs(t, checkCached(folder), errNotCached, about)
		require.NoError(t, fillCache(t.Context(), folder, fill), about)
		assert.Equal(t, before+1, filled, about)
	}

	failing := func(string) error { return errors.New("no space") }
	require.EqualError(t, fillCache(t.Context(), other, failing), "no space")
	assert.NoDirExists(t, other)
	require.NoError(t, fillCache(t.Context(), other, fill))
}
