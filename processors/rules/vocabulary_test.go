// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/internal/feature"
	"github.com/nodesec/nodesec/internal/features"
	"github.com/nodesec/nodesec/internal/zeros"
)

var update = flag.Bool("update", false, "write features.txt and golden files instead of comparing with them")

// TestListOfFeatures demands that features.txt lists what the receivers have; with -update it writes it.
func TestListOfFeatures(t *testing.T) {
	want := listOfFeatures(t, "../..")
	if *update {
		require.NoError(t, os.WriteFile("features.txt", []byte(want), 0o644))
		return
	}
	assert.True(t, want == featureList, "features.txt is out of date: run go generate ./processors/rules")
}

func listOfFeatures(t *testing.T, root string) string {
	receivers, err := features.List(root)
	require.NoError(t, err)
	type described struct {
		scopes []string
		gauge  bool
	}
	all := map[string]described{}
	for _, r := range receivers {
		for _, d := range r.Features {
			old := all[d.Name]
			for _, scope := range d.Scopes {
				if !slices.Contains(old.scopes, scope) {
					old.scopes = append(old.scopes, scope)
				}
			}
			all[d.Name] = described{old.scopes, !d.Counter}
		}
	}
	// The processor sample adds this one to every sample.
	all["quality_partial"] = described{[]string{"node", "container", "process"}, true}
	var lines []string
	for name, d := range all {
		lines = append(lines, line(name, d.gauge, d.scopes))
	}
	for _, receiver := range []string{"noderesource", "nodesecurity"} {
		for name, sum := range metricsOf(t, root, receiver) {
			name = feature.Name(name, pcommon.NewMap())
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name) }) {
				// Its attributes can have any value, or it is off by default.
				lines = append(lines, line(name+"*", !sum, []string{"node", "container", "process"}))
			}
		}
	}
	slices.Sort(lines)
	return "# Made by go generate; do not edit. The features that conditions may use: name, kind, entities.\n" +
		strings.Join(lines, "")
}

func line(name string, gauge bool, scopes []string) string {
	kind := "counter"
	if gauge {
		kind = "gauge"
	}
	slices.Sort(scopes)
	return fmt.Sprintf("%s %s %s\n", name, kind, strings.Join(scopes, ","))
}

// metricsOf returns the names of a receiver's metrics and whether they are sums.
func metricsOf(t *testing.T, root, receiver string) map[string]bool {
	text, err := os.ReadFile(filepath.Join(root, "receivers", receiver, "metadata.yaml"))
	require.NoError(t, err)
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	raw, ok := conf.ToStringMap()["metrics"].(map[string]any)
	require.True(t, ok)
	sums := map[string]bool{}
	delete(raw, zeros.Metric) // tells of other features
	for name, metric := range raw {
		_, sums[name] = metric.(map[string]any)["sum"]
	}
	return sums
}
