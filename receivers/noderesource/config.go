// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// The scopes: the kinds of entities that can be sampled.
const (
	scopeNode      = "node"
	scopeContainer = "container"
	scopeProcess   = "process"
)

// The temporalities of sums.
const (
	temporalityDelta      = "delta"
	temporalityCumulative = "cumulative"
)

// What process.command_line tells.
const (
	commandLineOff      = "off"
	commandLineRedacted = "redacted"
	commandLineFull     = "full"
)

const minInterval = 100 * time.Millisecond

// Config is the configuration of the receiver.
type Config struct {
	// CollectionInterval is the distance between two samples of an entity. Samples are taken at multiples of it since
	// the Unix epoch, so that those of different nodes line up. Whole milliseconds, at least 100ms. Default 10s; zero is
	// not allowed.
	CollectionInterval time.Duration `mapstructure:"collection_interval"`
	// RootPath is where the root file system of the node is mounted; /proc and /sys are read below it. Default "/"; the
	// empty string means the default. Inside a container mount the root of the node and name it here.
	RootPath string `mapstructure:"root_path"`
	// NodeName becomes the resource attribute k8s.node.name. Default empty: the attribute is absent, and host.name alone
	// names the node.
	NodeName string `mapstructure:"node_name"`
	// Temporality of the sums: "delta", the growth in the window of the sample, or "cumulative", the counter itself.
	// Default "delta"; the empty string means the default.
	Temporality string `mapstructure:"temporality"`
	// Scopes lists what to sample: "node", "container", "process". Default all three; an empty list means the default.
	Scopes []string `mapstructure:"scopes"`
	// Processes chooses the processes that get a sample and what it tells of them.
	Processes ProcessesConfig `mapstructure:"processes"`
	// Containers chooses the cgroups that get a sample.
	Containers ContainersConfig `mapstructure:"containers"`
	// Devices bounds the metrics per device (nodesec.device.*), which are disabled by default.
	Devices DevicesConfig `mapstructure:"devices"`

	// The sections metrics and resource_attributes switch single metrics and attributes on and off.
	metadata.MetricsBuilderConfig `mapstructure:",squash"`
}

// ProcessesConfig chooses the processes that get a sample. All rules add up: a process is sampled if one of them wants
// it.
type ProcessesConfig struct {
	// Top is how many processes to sample of those that used most CPU time in the tick, of those that moved most bytes
	// and of those with most resident memory. Default 10; zero means none.
	Top int `mapstructure:"top"`
	// Active samples every process that used CPU time or faulted in the tick. Default true.
	Active bool `mapstructure:"active"`
	// All samples every process. Default false.
	All bool `mapstructure:"all"`
	// Match holds regular expressions (RE2, unanchored). A process whose executable's name or path matches one of them
	// is sampled at every tick. Default empty: none.
	Match []string `mapstructure:"match"`
	// CommandLine tells how much of the command line becomes process.command_line: "off", nothing; "redacted", arguments
	// that look like secrets are replaced by [redacted]; "full", as it is. Always cut to 1024 bytes. Default "redacted";
	// the empty string means the default.
	CommandLine string `mapstructure:"command_line"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ContainersConfig chooses the cgroups that get a sample.
type ContainersConfig struct {
	// Units samples systemd's services and scopes, and other leaf cgroups outside containers, like containers. Default
	// true.
	Units bool `mapstructure:"units"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// DevicesConfig bounds the metrics per device.
type DevicesConfig struct {
	// Max is how many disks and how many network interfaces are told apart, in the order in which the kernel registered
	// them. Default 16; zero means none.
	Max int `mapstructure:"max"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		CollectionInterval:   10 * time.Second,
		RootPath:             "/",
		Temporality:          temporalityDelta,
		Scopes:               []string{scopeNode, scopeContainer, scopeProcess},
		Processes:            ProcessesConfig{Top: 10, Active: true, CommandLine: commandLineRedacted},
		Containers:           ContainersConfig{Units: true},
		Devices:              DevicesConfig{Max: 16},
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
	}
}

// Validate reports all settings that can not be used.
func (c *Config) Validate() error {
	var errs []error
	if c.CollectionInterval < minInterval || c.CollectionInterval%time.Millisecond != 0 {
		errs = append(errs, fmt.Errorf("collection_interval: must be whole milliseconds and at least %v, got %v",
			minInterval, c.CollectionInterval))
	}
	if c.RootPath != "" && !filepath.IsAbs(c.RootPath) {
		errs = append(errs, fmt.Errorf("root_path: must be an absolute path, got %q", c.RootPath))
	}
	errs = append(errs, oneOf("temporality", c.Temporality, "", temporalityDelta, temporalityCumulative))
	for i, scope := range c.Scopes {
		errs = append(errs, oneOf(fmt.Sprintf("scopes[%d]", i), scope, scopeNode, scopeContainer, scopeProcess))
	}
	return errors.Join(errs...)
}

// Validate reports all settings that can not be used.
func (c *ProcessesConfig) Validate() error {
	var errs []error
	if c.Top < 0 {
		errs = append(errs, fmt.Errorf("top: must not be negative, got %d", c.Top))
	}
	for i, expression := range c.Match {
		if _, err := regexp.Compile(expression); err != nil {
			errs = append(errs, fmt.Errorf("match[%d]: must be a regular expression, got %q: %w", i, expression, err))
		}
	}
	errs = append(errs, oneOf("command_line", c.CommandLine, "", commandLineOff, commandLineRedacted, commandLineFull))
	return errors.Join(errs...)
}

// Validate reports all settings that can not be used.
func (c *DevicesConfig) Validate() error {
	if c.Max < 0 {
		return fmt.Errorf("max: must not be negative, got %d", c.Max)
	}
	return nil
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: must be one of %q, got %q", key, slices.DeleteFunc(allowed, isEmpty), value)
}

func isEmpty(text string) bool { return text == "" }

// root is the setting root_path with its default.
func (c *Config) root() string { return filepath.Clean("/" + c.RootPath) }

func (c *Config) samples(scope string) bool {
	return len(c.Scopes) == 0 || slices.Contains(c.Scopes, scope)
}
