// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/entity"
)

func TestStatements(t *testing.T) {
	features := []Feature{
		{
			Metric: "container.cpu.time", Attributes: map[string]string{"cpu.mode": "user"}, Unit: "s", Type: "sum",
			Temporality: "delta",
		},
		{
			Metric: "nodesec.exec.shell", Unit: "{exec}", Type: "sum", Temporality: "delta", Integer: true,
			Description: "It's `a` \\ shell",
		},
		{Metric: "container.memory.usage", Unit: "By", Type: "gauge", Integer: true},
		{Metric: "latency", Part: PartCounts, Type: "histogram", Temporality: "delta"},
	}
	for _, tt := range []struct {
		golden string
		change func(*Config)
	}{
		{"single.sql", func(*Config) {}},
		{"cluster.sql", func(c *Config) {
			c.Cluster, c.Database, c.Tables.Container, c.TTL = "main's", "my`db", "c", 30*24*time.Hour
			c.DeduplicationWindow = 500
		}},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			cfg := NewDefaultConfig()
			tt.change(cfg)
			require.NoError(t, cfg.Validate())
			schema, err := NewSchema(cfg)
			require.NoError(t, err)
			statements := append(schema.Create(), schema.AddFeatures(entity.Container, features)...)
			got := strings.Join(statements, ";\n\n") + ";\n"
			if flag.Lookup("update").Value.String() == "true" {
				require.NoError(t, os.WriteFile("testdata/"+tt.golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile("testdata/" + tt.golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// unquote undoes quoteText and quoteName as ClickHouse's lexer does, and returns what follows the closing quote.
func unquote(t testing.TB, text string) (value, rest string) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case quote:
			return b.String(), text[i+1:]
		case '\\':
			i++
			require.Contains(t, "\\'`", string(text[i]), "an escape that means something else")
			b.WriteByte(text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	t.Fatalf("no closing quote in %q", text)
	return "", ""
}

// FuzzAddColumn follows the names of a sender into the statement that makes the column, and back.
func FuzzAddColumn(f *testing.F) {
	for _, name := range hostile() {
		f.Add(name, name, name, name)
	}
	schema, err := NewSchema(NewDefaultConfig())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, metric, attribute, value, description string) {
		p := newPivot()
		metrics := gauge("c", metric, at(1_800_000_000), 1, attribute, value, attribute, "again")
		metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetDescription(description)
		p.add(metrics)
		if p.rejected > 0 {
			return
		}
		c := p.blocks[entity.Container].used[0]
		statement := schema.AddFeatures(entity.Container, []Feature{c.feature})[0]
		rest, ok := strings.CutPrefix(statement, "ALTER TABLE `nodesec`.`container_samples`\n      ADD COLUMN IF NOT EXISTS ")
		require.True(t, ok, "%q", statement)
		name, rest := unquote(t, rest)
		require.Equal(t, c.feature.Name(), name)
		rest, ok = strings.CutPrefix(rest, " Float64 DEFAULT nan COMMENT ")
		require.True(t, ok, "%q", rest)
		comment, rest := unquote(t, rest)
		require.Equal(t, " CODEC(Delta(8), ZSTD(3))", rest)
		read, ok := ParseFeature(comment)
		require.True(t, ok, "%q", comment)
		require.Equal(t, c.key, read.Key(), "the column would not be recognised")
		require.Equal(t, c.feature, read)
	})
}
