// SPDX-License-Identifier: Apache-2.0

package detections

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Config is the configuration of the connector. README.md has the reference.
type Config struct {
	// Hold is how long after the last sample that a rule fired at its alert goes on, so that what comes and goes is one
	// alert. Default 1m; zero ends an alert at the first sample without it.
	Hold time.Duration `mapstructure:"hold"`
	// EntityTTL is how long after the last sample of an entity its alerts end. Default 5m; zero is not allowed.
	EntityTTL time.Duration `mapstructure:"entity_ttl"`
	// MaxActive is how many alerts are remembered; when there are more, the one that fired the longest time ago ends.
	// Default 10000; zero is not allowed.
	MaxActive int `mapstructure:"max_active"`
	// MinSeverity is the lowest severity of rules that make alerts: TRACE, DEBUG, INFO, WARN, ERROR or FATAL, with 2, 3 or 4
	// behind it or not. Default TRACE: all do.
	MinSeverity string `mapstructure:"min_severity"`
}

func createDefaultConfig() component.Config {
	return &Config{Hold: time.Minute, EntityTTL: 5 * time.Minute, MaxActive: 10_000, MinSeverity: "TRACE"}
}

// Validate reports all settings that can not be used.
func (c *Config) Validate() error {
	var errs []error
	if c.Hold < 0 {
		errs = append(errs, fmt.Errorf("hold: must not be negative, got %v", c.Hold))
	}
	if c.EntityTTL <= 0 {
		errs = append(errs, fmt.Errorf("entity_ttl: must be positive, got %v", c.EntityTTL))
	}
	if c.MaxActive < 1 {
		errs = append(errs, fmt.Errorf("max_active: must be at least 1, got %d", c.MaxActive))
	}
	if severityNumber(c.MinSeverity) == plog.SeverityNumberUnspecified {
		errs = append(errs, fmt.Errorf("min_severity: must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL, with 2, 3 or 4 behind it or not, got %q",
			c.MinSeverity))
	}
	return errors.Join(errs...)
}

// severityNumber is the number of OpenTelemetry's short name of a severity.
func severityNumber(name string) plog.SeverityNumber {
	for n := plog.SeverityNumberTrace; n <= plog.SeverityNumberFatal4; n++ {
		if severityText(n) == name {
			return n
		}
	}
	return plog.SeverityNumberUnspecified
}

func severityText(n plog.SeverityNumber) string { return strings.ToUpper(n.String()) }
