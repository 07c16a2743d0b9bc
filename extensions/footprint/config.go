// SPDX-License-Identifier: Apache-2.0

package footprint

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the extension.
type Config struct {
	// GCPercent is how much the heap may grow, in percent of what is in use, before garbage is collected (GOGC of package
	// runtime). 0 leaves it as it is.
	GCPercent int `mapstructure:"gc_percent"`
	// ReleaseInterval is the time between two releases of the pages of the program. 0 never releases them.
	ReleaseInterval time.Duration `mapstructure:"release_interval"`
}

func createDefaultConfig() component.Config {
	return &Config{GCPercent: 30, ReleaseInterval: 5 * time.Minute}
}

// Validate checks the configuration.
func (c *Config) Validate() error {
	if c.GCPercent < 0 {
		return fmt.Errorf("gc_percent must be 0 or more, but is %d", c.GCPercent)
	}
	if c.ReleaseInterval != 0 && c.ReleaseInterval < time.Second {
		return fmt.Errorf("release_interval must be 0 or at least 1s, but is %v", c.ReleaseInterval)
	}
	return nil
}
