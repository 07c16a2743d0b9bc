// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/nodesec/nodesec/internal/entity"
)

const (
	minInterval = 100 * time.Millisecond
	// maxSources is how many sources may be configured, all scopes together. Each is a bit of a mask.
	maxSources = 64
)

// Config is the configuration of the processor. README.md has the reference.
type Config struct {
	// Interval is the distance of the points of the time grid: the collection_interval of the receivers. Whole
	// milliseconds, at least 100ms. Default 10s; zero is not allowed.
	Interval time.Duration `mapstructure:"interval"`
	// Wait is how long a tick is held for sources that have not reported it, from its first part on. Default 0: half an
	// interval.
	Wait time.Duration `mapstructure:"wait"`
	// Sources are the instrumentation scopes that measure each kind of entity.
	Sources SourcesConfig `mapstructure:"sources"`
	// MaxEntities is how many samples are held at most. When there are more, the oldest ticks are emitted before their
	// time. Default 10000; zero is not allowed.
	MaxEntities int `mapstructure:"max_entities"`
}

// SourcesConfig are the instrumentation scopes that measure each kind of entity, given in full or by one element of their
// path. A kind without sources is held for all of the wait, and its samples are never called partial.
type SourcesConfig struct {
	// Node is noderesource and nodesecurity by default.
	Node []string `mapstructure:"node"`
	// Pod is empty by default.
	Pod []string `mapstructure:"pod"`
	// Container is noderesource and nodesecurity by default.
	Container []string `mapstructure:"container"`
	// Process is noderesource by default.
	Process []string `mapstructure:"process"`
	// Other is empty by default.
	Other []string `mapstructure:"other"`
}

func (s *SourcesConfig) byScope() [scopes][]string {
	return [scopes][]string{
		entity.Node: s.Node, entity.Pod: s.Pod, entity.Container: s.Container, entity.Process: s.Process,
		entity.Other: s.Other,
	}
}

// scopes is how many scopes there are.
const scopes = int(entity.Other) + 1

func createDefaultConfig() component.Config {
	return &Config{
		Interval: 10 * time.Second,
		Sources: SourcesConfig{
			Node:      []string{"noderesource", "nodesecurity"},
			Container: []string{"noderesource", "nodesecurity"},
			Process:   []string{"noderesource"},
		},
		MaxEntities: 10_000,
	}
}

// wait is Wait or its default.
func (c *Config) wait() time.Duration {
	if c.Wait == 0 {
		return c.Interval / 2
	}
	return c.Wait
}

// Validate reports all settings that can not be used.
func (c *Config) Validate() error {
	var errs []error
	if c.Interval < minInterval || c.Interval%time.Millisecond != 0 {
		errs = append(errs, fmt.Errorf("interval: must be whole milliseconds and at least %v, got %v", minInterval, c.Interval))
	}
	if c.Wait < 0 {
		errs = append(errs, fmt.Errorf("wait: must not be negative, got %v", c.Wait))
	}
	if c.MaxEntities < 1 {
		errs = append(errs, fmt.Errorf("max_entities: must be at least 1, got %d", c.MaxEntities))
	}
	return errors.Join(errs...)
}

// Validate reports all settings that can not be used.
func (s *SourcesConfig) Validate() error {
	var errs []error
	var all []string
	for scope, names := range s.byScope() {
		key := entity.Scope(scope)
		for i, name := range names {
			switch {
			case name == "":
				errs = append(errs, fmt.Errorf("%s: must be names of instrumentation scopes, got an empty one", key))
			case slices.Index(names, name) != i:
				errs = append(errs, fmt.Errorf("%s: must not name a source twice, got %q again", key, name))
			case !slices.Contains(all, name):
				all = append(all, name)
			}
		}
	}
	if len(all) > maxSources {
		errs = append(errs, fmt.Errorf("must have at most %d different sources, got %d", maxSources, len(all)))
	}
	return errors.Join(errs...)
}
