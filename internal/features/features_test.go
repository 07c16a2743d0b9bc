// SPDX-License-Identifier: Apache-2.0

package features

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the documentation instead of comparing with it")

const root = "../.."

// TestDocumentation demands that the documentation lists what the receivers have; with -update it writes it.
func TestDocumentation(t *testing.T) {
	receivers, err := List(root)
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	inserted, err := Insert(string(readme), Summary(receivers))
	require.NoError(t, err)
	for name, want := range map[string]string{"README.md": inserted, "docs/features.md": Page(receivers)} {
		path := filepath.Join(root, name)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, string(text), "%s is out of date: run make generate", name)
	}
}

func TestEveryFeatureIsDescribedOnce(t *testing.T) {
	receivers, err := List(root)
	require.NoError(t, err)
	for _, r := range receivers {
		names := map[string]bool{}
		for _, d := range r.Features {
			assert.False(t, names[d.Name], "%s %s", r.Name, d.Name)
			names[d.Name] = true
			assert.NotEmpty(t, d.Scopes, d.Name)
			assert.Subset(t, scopes(), d.Scopes, d.Name)
			assert.NotEmpty(t, d.Text, d.Name)
			assert.NotEmpty(t, d.Unit, d.Name)
		}
	}
	for _, scope := range []string{"node", "container"} {
		assert.Greater(t, Count(receivers, scope), 120, scope)
	}
}

func TestInsertWantsItsMarks(t *testing.T) {
	text, err := Insert("a\n"+begin+"old\n"+end+"z\n", "new\n")
	require.NoError(t, err)
	assert.Equal(t, "a\n"+begin+"new\n"+end+"z\n", text)
	_, err = Insert("a\n"+begin, "new\n")
	assert.ErrorContains(t, err, "the marks are not there")
}
