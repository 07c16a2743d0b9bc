// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the processor. README.md has the reference.
type Config struct {
	// Files are rule files, or patterns such as /etc/nodesec/rules/*.yaml, read after the pack and in this order: a later
	// one can change the rules of an earlier one. Default none.
	Files []string `mapstructure:"files"`
	// Pack is the set of rules that comes with the processor: default, or none. Default default.
	Pack string `mapstructure:"pack"`
	// Disable are names of rules, or patterns such as posture_*, that are not evaluated. Default none.
	Disable []string `mapstructure:"disable"`
	// EntityTTL is how long an entity is remembered after its newest sample. Default 15m; zero is not allowed.
	EntityTTL time.Duration `mapstructure:"entity_ttl"`
	// MaxEntities is how many entities are remembered at most; the one that was seen the longest time ago is forgotten
	// first. Default 10000; zero is not allowed.
	MaxEntities int `mapstructure:"max_entities"`
	// ExtraFeatures are features of other receivers that rules may use: regular expressions for whole names. Default none.
	ExtraFeatures []string `mapstructure:"extra_features"`
	// Reload is how often the files are looked at for changes. Default 10s; zero never does.
	Reload time.Duration `mapstructure:"reload"`
	// Evidence writes the attribute nodesec.evidence: why each rule fires. The connector detections needs it to tell that,
	// and the severity of each rule. Default true.
	Evidence bool `mapstructure:"evidence"`
}

// NewDefaultConfig returns the defaults.
func NewDefaultConfig() *Config {
	return &Config{
		Pack: packDefault, EntityTTL: 15 * time.Minute, MaxEntities: 10_000, Reload: 10 * time.Second,
		Evidence: true,
	}
}

func createDefaultConfig() component.Config { return NewDefaultConfig() }

// Validate reports all settings that can not be used. The rules themselves are checked at the start.
func (c *Config) Validate() error {
	var errs []error
	if c.Pack != packDefault && c.Pack != packNone {
		errs = append(errs, fmt.Errorf("pack: must be default or none, got %q", c.Pack))
	}
	for i, glob := range c.Files {
		if _, err := filepath.Match(glob, ""); err != nil || glob == "" {
			errs = append(errs, fmt.Errorf("files[%d]: must be a path or a pattern, got %q", i, glob))
		}
	}
	for i, glob := range c.Disable {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			errs = append(errs, fmt.Errorf("disable[%d]: must be a name or a pattern, got %q", i, glob))
		}
	}
	for i, text := range c.ExtraFeatures {
		if _, err := regexp.Compile(text); err != nil || text == "" {
			errs = append(errs, fmt.Errorf("extra_features[%d]: must be a regular expression, got %q", i, text))
		}
	}
	if c.EntityTTL <= 0 {
		errs = append(errs, fmt.Errorf("entity_ttl: must be positive, got %v", c.EntityTTL))
	}
	if c.MaxEntities < 1 {
		errs = append(errs, fmt.Errorf("max_entities: must be at least 1, got %d", c.MaxEntities))
	}
	if c.Reload < 0 || c.Reload > 0 && c.Reload < time.Second {
		errs = append(errs, fmt.Errorf("reload: must be 0 or at least 1s, got %v", c.Reload))
	}
	return errors.Join(errs...)
}
