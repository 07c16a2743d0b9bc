// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

// configOf is a configuration with one rule file of this text and no pack, and the path of the file.
func configOf(t testing.TB, text string) (*Config, string) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	cfg := NewDefaultConfig()
	cfg.Pack, cfg.Files = packNone, []string{path}
	return cfg, path
}

const shellRule = `rules:
  - name: shell
    description: A shell was started by a web server.
    condition: exec_shell_web_server > 0 && !(image in trusted)
    severity: ERROR
    techniques: [T1059.004, T1190]
    exceptions: [{name: ci, condition: namespace == "ci"}]
    false_positives: CGI scripts.
    tests:
      - {name: a shell, samples: [{exec_shell_web_server: 1}], match: true}
      - {name: in CI, samples: [{exec_shell_web_server: 1, namespace: ci}], match: false}
lists: {trusted: [wordpress]}
`

func TestConfigErrors(t *testing.T) {
	cfg := &Config{
		Files: []string{"[", ""}, Pack: "x", Disable: []string{"["}, ExtraFeatures: []string{"("}, Reload: time.Millisecond,
	}
	err := cfg.Validate()
	for _, want := range []string{
		`pack: must be default or none, got "x"`, `files[0]: must be a path or a pattern, got "["`, "files[1]", "disable[0]",
		"extra_features[0]", "entity_ttl: must be positive", "max_entities: must be at least 1, got 0", "reload: must be 0 or at least 1s",
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.NoError(t, NewDefaultConfig().Validate())
}

func TestLoadErrorsAreAllTold(t *testing.T) {
	cfg, path := configOf(t, strings.ReplaceAll(strings.ReplaceAll(shellRule, "exec_shell_web_server > 0", "exec_shel > 0"), "T1190", "T9999"))
	_, err := Load(cfg)
	require.ErrorContains(t, err, path+":4: rule shell: condition 1:1: unknown feature or name exec_shel; did you mean exec_shell, exec_shell_database, exec_shell_entered?")
	require.ErrorContains(t, err, "rule shell: technique T9999: ATT&CK has none of this id for Linux or containers")
	cfg.Files = []string{filepath.Join(t.TempDir(), "none.yaml")}
	_, err = Load(cfg)
	require.ErrorIs(t, err, os.ErrNotExist)
	cfg.Files = []string{filepath.Join(t.TempDir(), "*.yaml")}
	_, err = Load(cfg)
	require.NoError(t, err, "a pattern may match nothing")
}

func TestTestListExplain(t *testing.T) {
	cfg, path := configOf(t, shellRule)
	loaded, err := Load(cfg)
	require.NoError(t, err)
	verdicts := loaded.Test()
	require.Len(t, verdicts, 2)
	for _, v := range verdicts {
		assert.True(t, v.Passed, v.Test)
	}
	assert.Empty(t, loaded.Test("other"))
	assert.Equal(t, []Info{{
		Name: "shell", Description: "A shell was started by a web server.", Severity: "ERROR", Scopes: []string{"container"},
		Techniques: []string{"T1059.004", "T1190"}, Enabled: true, Origins: []string{path + ":2"}, Tests: 2,
	}}, loaded.List())
	text, err := loaded.Explain("shell")
	require.NoError(t, err)
	for _, want := range []string{
		"shell (ERROR)", "fires if         exec_shell_web_server > 0", `unless           namespace == "ci"  (ci)`,
		"T1059.004 Unix Shell (execution)", "CGI scripts.", "looks at         exec_shell_web_server, image, namespace",
	} {
		assert.Contains(t, text, want)
	}
	_, err = loaded.Explain("other")
	assert.ErrorContains(t, err, "there is no rule other")
}

func TestDisable(t *testing.T) {
	cfg, _ := configOf(t, shellRule)
	cfg.Disable = []string{"she*"}
	loaded, err := Load(cfg)
	require.NoError(t, err)
	assert.False(t, loaded.List()[0].Enabled)
	assert.True(t, loaded.Test()[0].Passed, "its tests run all the same")
	coverage := loaded.Coverage()
	assert.NotContains(t, coverage.Table(), "shell")
}

func TestCoverage(t *testing.T) {
	cfg, _ := configOf(t, shellRule)
	loaded, err := Load(cfg)
	require.NoError(t, err)
	coverage := loaded.Coverage()
	assert.Contains(t, coverage.Table(), "| T1059.004 | Unix Shell | Linux | 1 | shell |")
	assert.Contains(t, coverage.Table(), "| T1611 | Escape to Host | Containers | 0 |  |")
	text, err := coverage.Layer()
	require.NoError(t, err)
	var layer struct {
		Versions   map[string]string
		Domain     string
		Techniques []struct {
			ID    string `json:"techniqueID"`
			Score int
		}
	}
	require.NoError(t, json.Unmarshal(text, &layer))
	assert.Equal(t, "4.5", layer.Versions["layer"])
	assert.Equal(t, "enterprise-attack", layer.Domain)
	require.Len(t, layer.Techniques, 3, "T1059, its sub-technique, and T1190")
	assert.Equal(t, "T1059", layer.Techniques[0].ID)
}

// FuzzLoad feeds rule files to the loader and the compiler: they answer rules or an error, and the tests of rules run.
func FuzzLoad(f *testing.F) {
	f.Add(shellRule)
	f.Add("macros: {m: 'has(cpu_usage) && cpu_usage > 1'}\nrules: [{name: r, description: d, severity: WARN2, scope: [node, pod], condition: m}]")
	f.Add("rules:\n  - {name: r, description: d, severity: WARN, sequence: [a > 0, 'sum(exec_count, \"5m\") > 1'], within: 1m}\n  - {name: r, append: {condition: or b}}")
	names, err := packs.ReadDir("packs")
	require.NoError(f, err)
	for _, name := range names {
		text, err := packs.ReadFile("packs/" + name.Name())
		require.NoError(f, err)
		f.Add(string(text[:min(len(text), 4000)]))
	}
	cfg := NewDefaultConfig()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "repeat") {
			return // it may take long, and rightly so
		}
		loaded, err := compile(cfg, []rulefile.Source{{Name: "fuzz.yaml", Text: []byte(text)}})
		if err != nil {
			return
		}
		loaded.Test()
		for _, info := range loaded.List() {
			if _, err := loaded.Explain(info.Name); err != nil {
				t.Fatal(err)
			}
		}
	})
}
