// SPDX-License-Identifier: Apache-2.0

// Package helm tests the chart: what it renders for the values that people set, and what it says to wrong ones.
package helm

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

var update = flag.Bool("update", false, "write testdata and deploy/kubernetes anew")

const chartFolder = "nodesec"

func load(t *testing.T) *chart.Chart {
	c, err := loader.Load(chartFolder)
	require.NoError(t, err)
	return c
}

// valueSets are what the renders are kept of.
func valueSets() map[string]map[string]any {
	endpoints := map[string]any{"endpoints": []any{"clickhouse.data.svc:9000"}, "existingSecret": "clickhouse"}
	return map[string]map[string]any{
		"direct":  {"clickhouse": endpoints},
		"gateway": {"mode": "gateway", "clickhouse": endpoints, "tls": map[string]any{"source": "existing", "agentSecret": "a", "gatewaySecret": "g"}},
		"everything": {
			"mode": "gateway", "clusterName": "prod", "interval": "1s",
			"clickhouse": map[string]any{"endpoints": []any{"ch-0:9440", "ch-1:9440"}, "password": "it's: secret", "tls": true, "caSecret": "ch-ca", "ttl": "720h"},
			"agent": map[string]any{"podLabelsAsAttributes": map[string]any{"app": "app.kubernetes.io/name"}, "podAnnotationsAsAttributes": map[string]any{"team": "example.com/team"},
				"watchReplicaSets": true, "rules": "rules: []\n", "podLabels": map[string]any{"a": "b"}, "podAnnotations": map[string]any{"c": "d"}, "nodeSelector": map[string]any{"kubernetes.io/os": "linux"},
				"extraEnv": []any{map[string]any{"name": "X", "value": "y"}}},
			"gateway":       map[string]any{"autoscaling": map[string]any{"enabled": true}},
			"tls":           map[string]any{"source": "cert-manager"},
			"podMonitor":    map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}},
			"networkPolicy": map[string]any{"clickhouseCIDRs": []any{"10.0.0.0/8"}},
		},
		"least-privilege": {"clickhouse": endpoints, "agent": map[string]any{"bpf": false, "posture": false, "processes": false, "queuePath": ""}},
		"old-kernel":      {"clickhouse": endpoints, "agent": map[string]any{"sysAdmin": true}, "networkPolicy": map[string]any{"enabled": false}},
	}
}

// render returns the files of the chart by name, without notes.
func render(c *chart.Chart, values map[string]any) (map[string]string, error) {
	all, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: "nodesec", Namespace: "nodesec", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

func TestLint(t *testing.T) {
	for name, values := range valueSets() {
		result := lint.AllWithKubeVersion(chartFolder, values, "nodesec", nil)
		for _, m := range result.Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

// manifests joins what was rendered into one text.
func manifests(t *testing.T, files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, document := range strings.Split(files[name], "\n---\n") {
			document = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(document), "---"))
			if strings.HasSuffix(name, ".yaml") && document != "" {
				var object map[string]any
				require.NoError(t, yaml.Unmarshal([]byte(document), &object), "%s:\n%s", name, document)
				require.NotEmpty(t, object["kind"], "%s:\n%s", name, document)
				fmt.Fprintf(&b, "---\n%s\n", document)
			}
		}
	}
	return b.String()
}

// TestRenders compares with what is kept in testdata; plain manifests for kubectl are two of them.
func TestRenders(t *testing.T) {
	c := load(t)
	for name, values := range valueSets() {
		t.Run(name, func(t *testing.T) {
			files, err := render(c, values)
			require.NoError(t, err)
			got := manifests(t, files)
			golden := filepath.Join("testdata", name+".yaml")
			if name == "direct" || name == "gateway" {
				golden = filepath.Join("..", "kubernetes", name+".yaml")
			}
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got, "go test ./... -update in deploy/helm writes it anew")
		})
	}
}

// TestCollectorTakesConfigs lets the real collector check each configuration that is rendered.
func TestCollectorTakesConfigs(t *testing.T) {
	binary, err := filepath.Abs("../../bin/nodesec")
	require.NoError(t, err)
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("NODESEC_TEST_CLICKHOUSE") == "1" {
			t.Fatal("make build first: ", err)
		}
		t.Skip("make build first: ", err)
	}
	c := load(t)
	for name, values := range valueSets() {
		files, err := render(c, values)
		require.NoError(t, err)
		for _, part := range []string{"agent", "gateway"} {
			var m struct{ Data map[string]string }
			require.NoError(t, yaml.Unmarshal([]byte(files["nodesec/templates/"+part+"-config.yaml"]), &m))
			if len(m.Data) == 0 {
				continue
			}
			t.Run(name+" "+part, func(t *testing.T) {
				folder := t.TempDir()
				keys(t, folder)
				text := strings.NewReplacer("/etc/nodesec/tls", folder, "/etc/nodesec/clickhouse-ca", folder, "/etc/nodesec/config", folder, "/var/lib/nodesec", folder,
					"root_path: /host", "root_path: /").Replace(m.Data["config.yaml"])
				require.NoError(t, os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(text), 0o600))
				require.NoError(t, os.WriteFile(filepath.Join(folder, "rules.yaml"), []byte(m.Data["rules.yaml"]), 0o600))
				cmd := exec.Command(binary, "validate", "--config", filepath.Join(folder, "config.yaml"))
				cmd.Env = append(os.Environ(), "NODE_NAME=n", "POD_IP=127.0.0.1", "CLICKHOUSE_PASSWORD=p")
				out, err := cmd.CombinedOutput()
				assert.NoError(t, err, "%s\n%s", out, text)
			})
		}
	}
}

// keys writes what stands in the secrets of certificates.
func keys(t *testing.T, folder string) {
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
}

// TestSchemaKnowsEveryValue gives each value of values.yaml one of a wrong kind, and a key beside it that there is not, and expects
// errors that name them.
func TestSchemaKnowsEveryValue(t *testing.T) {
	c := load(t)
	checked := 0
	var walk func(path []string, value any)
	walk = func(path []string, value any) {
		nested, isMap := value.(map[string]any)
		wrong := any("a text")
		if _, isText := value.(string); isText {
			wrong = []any{1}
		}
		name := strings.Join(path, ".")
		if len(path) > 0 {
			checked++
			err := chartutil.ValidateAgainstSchema(c, merged(t, c, path, wrong))
			if assert.Error(t, err, "%s: %v", name, wrong) {
				assert.Contains(t, pointers(err), strings.Join(path, "/"), "%s", name)
			}
		}
		if !isMap {
			return
		}
		if len(nested) > 0 && path == nil || isMap && len(nested) > 0 && !free(name) {
			err := chartutil.ValidateAgainstSchema(c, merged(t, c, append(slices.Clone(path), "noSuchKey"), 1))
			if assert.Error(t, err, name) {
				assert.Contains(t, err.Error(), "noSuchKey", name)
			}
		}
		for key, v := range nested {
			if !free(name) {
				walk(append(slices.Clone(path), key), v)
			}
		}
	}
	walk(nil, map[string]any(c.Values))
	assert.Greater(t, checked, 60)
	for set, values := range valueSets() {
		all, err := chartutil.CoalesceValues(c, values)
		require.NoError(t, err)
		assert.NoError(t, chartutil.ValidateAgainstSchema(c, all), set)
	}
}

// free are values that are Kubernetes' own objects.
func free(name string) bool {
	return regexp.MustCompile(`\.(resources|updateStrategy|tolerations|affinity)$`).MatchString(name)
}

// pointers makes the places in errors of all versions of the schema library look the same: a/b/c.
func pointers(err error) string {
	return strings.NewReplacer(".", "/", "''", "", "'", "").Replace(err.Error())
}

// merged are the chart's values with one changed.
func merged(t *testing.T, c *chart.Chart, path []string, value any) map[string]any {
	text, err := json.Marshal(c.Values)
	require.NoError(t, err)
	var all map[string]any
	require.NoError(t, json.Unmarshal(text, &all))
	at := all
	for _, key := range path[:len(path)-1] {
		at = at[key].(map[string]any)
	}
	at[path[len(path)-1]] = value
	return all
}

func TestWrongValuesSayWhatIsWrong(t *testing.T) {
	c := load(t)
	for want, values := range map[string]map[string]any{
		"clickhouse.endpoints must have at least one address": {},
		"must name a secret when tls.source is existing":      {"mode": "gateway", "clickhouse": map[string]any{"endpoints": []any{"c:9000"}}, "tls": map[string]any{"source": "existing"}},
		"mode": {"mode": "both"}, "interval": {"interval": "often"},
	} {
		_, err := render(c, values)
		assert.ErrorContains(t, err, want)
	}
}

// TestPrivileges expects of each switch the capabilities that it needs and no others.
func TestPrivileges(t *testing.T) {
	c := load(t)
	for want, agent := range map[string]map[string]any{
		"BPF PERFMON SYS_PTRACE DAC_READ_SEARCH": {},
		"BPF PERFMON":                            {"posture": false, "processes": false},
		"SYS_PTRACE DAC_READ_SEARCH":             {"bpf": false},
		"SYS_ADMIN SYS_PTRACE DAC_READ_SEARCH":   {"sysAdmin": true},
		"":                                       {"bpf": false, "posture": false, "processes": false},
	} {
		files, err := render(c, map[string]any{"agent": agent, "clickhouse": map[string]any{"endpoints": []any{"c:9000"}}})
		require.NoError(t, err)
		var set struct {
			Spec struct {
				Template struct {
					Spec struct {
						HostPID     bool `yaml:"hostPID"`
						HostNetwork bool `yaml:"hostNetwork"`
						Containers  []struct {
							SecurityContext struct {
								Privileged               bool
								ReadOnlyRootFilesystem   bool `yaml:"readOnlyRootFilesystem"`
								AllowPrivilegeEscalation bool `yaml:"allowPrivilegeEscalation"`
								Capabilities             struct{ Add, Drop []string }
							} `yaml:"securityContext"`
						}
					}
				}
			}
		}
		require.NoError(t, yaml.Unmarshal([]byte(files["nodesec/templates/agent.yaml"]), &set))
		pod := set.Spec.Template.Spec
		security := pod.Containers[0].SecurityContext
		assert.Equal(t, want, strings.Join(security.Capabilities.Add, " "))
		assert.Equal(t, []string{"ALL"}, security.Capabilities.Drop)
		assert.True(t, security.ReadOnlyRootFilesystem)
		assert.False(t, security.Privileged || security.AllowPrivilegeEscalation || pod.HostPID || pod.HostNetwork)
	}
}

// TestSelfSignedCertificates expects certificates of one authority, and that an upgrade keeps those that are there.
func TestSelfSignedCertificates(t *testing.T) {
	files, err := render(load(t), map[string]any{"mode": "gateway", "clickhouse": map[string]any{"endpoints": []any{"c:9000"}}})
	require.NoError(t, err)
	text := manifests(t, map[string]string{"tls.yaml": files["nodesec/templates/tls.yaml"]})
	assert.Equal(t, 2, strings.Count(text, "kind: Secret"))
	for _, key := range []string{"ca.crt", "tls.crt", "tls.key"} {
		assert.Equal(t, 2, strings.Count(text, key+": "), key)
	}
	authorities := regexp.MustCompile(`ca\.crt: (\S+)`).FindAllStringSubmatch(text, -1)
	require.Len(t, authorities, 2)
	assert.Equal(t, authorities[0][1], authorities[1][1])
}
