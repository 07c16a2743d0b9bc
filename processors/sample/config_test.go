// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

func TestDefaults(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, 5*time.Second, cfg.wait())
	cfg.Wait = time.Second
	assert.Equal(t, time.Second, cfg.wait())
}

func TestSettings(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"interval": "1s", "wait": "300ms", "max_entities": 5,
		"sources": map[string]any{"node": []any{"x"}, "process": []any{}, "pod": []any{"a", "b"}},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, &Config{
		Interval: time.Second, Wait: 300 * time.Millisecond, MaxEntities: 5,
		Sources: SourcesConfig{
			Node: []string{"x"}, Pod: []string{"a", "b"}, Process: []string{},
			Container: []string{"noderesource", "nodesecurity"},
		},
	}, cfg)
}

func TestValidate(t *testing.T) {
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint("s", i)
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"a short interval", func(c *Config) { c.Interval = 0 },
			"interval: must be whole milliseconds and at least 100ms, got 0s"},
		{"an interval of odd microseconds", func(c *Config) { c.Interval = time.Second + 1 },
			"interval: must be whole milliseconds and at least 100ms, got 1.000000001s"},
		{"a negative wait", func(c *Config) { c.Wait = -1 }, "wait: must not be negative, got -1ns"},
		{"no room", func(c *Config) { c.MaxEntities = 0 }, "max_entities: must be at least 1, got 0"},
		{"an empty source", func(c *Config) { c.Sources.Pod = []string{""} },
			"sources: pod: must be names of instrumentation scopes, got an empty one"},
		{"a source twice", func(c *Config) { c.Sources.Node = []string{"a", "b", "a"} },
			`sources: node: must not name a source twice, got "a" again`},
		{"too many sources", func(c *Config) { c.Sources = SourcesConfig{Node: many[:40], Other: many[30:]} },
			"sources: must have at most 64 different sources, got 65"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			tt.change(cfg)
			assert.EqualError(t, confmap.Validate(cfg), tt.want)
		})
	}
}

func TestSourcesAreNamedInFullOrByAnElement(t *testing.T) {
	cfg := SourcesConfig{
		Node:      []string{"hostmetricsreceiver", scopeResource},
		Container: []string{"noderesource", scopeResource},
	}
	s, required := newSources(&cfg, 1000)
	assert.Equal(t, [scopes]uint64{0: 0b011, 2: 0b110}, required)
	for scope, want := range map[string]uint64{
		scopeCPU: 0b001, scopeMemory: 0b001, scopeResource: 0b110, "noderesource": 0b100, scopeResource + "2": 0,
		"resource": 0, "": 0,
	} {
		assert.Equal(t, want, s.find(scope).delivers, scope)
	}
}

func TestManyScopesAndNamesTakeNoMoreMemory(t *testing.T) {
	s, _ := newSources(&SourcesConfig{}, 1000)
	n := newNames()
	for i := range 2 * maxNames {
		source := s.find(fmt.Sprint(i))
		w := walk{names: &n, source: source, before: -1}
		_, shared := w.next(fmt.Sprint(i))
		assert.Equal(t, i >= others, shared, "what is not known for sure is compared: %d", i)
	}
	assert.Len(t, s.byScope, maxScopes)
	assert.Len(t, n.known, maxNames)
	assert.Equal(t, uint8(others), s.find("another").number)
	assert.True(t, n.shared("another"))
}

func TestNamesKnowWhatTwoSourcesHave(t *testing.T) {
	s, _ := newSources(&SourcesConfig{}, 1000)
	n := newNames()
	look := func(scope string, texts ...string) (shared []string) {
		w := walk{names: &n, source: s.find(scope), before: -1}
		for _, text := range texts {
			if _, yes := w.next(text); yes {
				shared = append(shared, text)
			}
		}
		return shared
	}
	assert.Empty(t, look("a", "x", "y", "z"))
	assert.Empty(t, look("a", "y", "x", "z", "x", "w"), "in another order")
	assert.Equal(t, []string{"y", "w"}, look("b", "u", "y", "w", "v"))
	assert.Equal(t, []string{"y"}, look("a", "x", "y", "z"), "and then for the first, too")
	assert.Empty(t, look("c"))
}
