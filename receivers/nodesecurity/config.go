// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
)

// The temporalities of sums.
const (
	temporalityDelta      = "delta"
	temporalityCumulative = "cumulative"
)

const (
	minInterval   = 100 * time.Millisecond
	minCgroups    = 16
	maxCgroups    = 1 << 16
	defaultEvents = 100
)

// Config is the configuration of the receiver.
type Config struct {
	// CollectionInterval is the distance between two samples of an entity. Samples are taken at multiples of it since
	// the Unix epoch, so that those of different nodes and receivers line up. Whole milliseconds, at least 100ms. Default
	// 10s; zero is not allowed.
	CollectionInterval time.Duration `mapstructure:"collection_interval"`
	// RootPath is where the root file system of the node is mounted; /proc and /sys are read below it. Default "/"; the
	// empty string means the default.
	RootPath string `mapstructure:"root_path"`
	// NodeName becomes the resource attribute k8s.node.name. Default empty: the attribute is absent.
	NodeName string `mapstructure:"node_name"`
	// Temporality of the sums: "delta", what happened in the window of the sample, or "cumulative", since the entity is
	// known. Default "delta"; the empty string means the default.
	Temporality string `mapstructure:"temporality"`
	// Containers chooses the cgroups that get a sample.
	Containers ContainersConfig `mapstructure:"containers"`
	// BPF is about what is counted inside the kernel.
	BPF BPFConfig `mapstructure:"bpf"`
	// Posture is about what is read from time to time.
	Posture PostureConfig `mapstructure:"posture"`
	// Events is about the log records.
	Events EventsConfig `mapstructure:"events"`
	// Syscalls is about the histogram of system calls.
	Syscalls SyscallsConfig `mapstructure:"syscalls"`
	// Classes changes which executables, paths, ports and networks are in the classes. Default: no changes.
	Classes classes.Config `mapstructure:"classes"`
	// Metrics switches single metrics on or off, by name. Default empty: the metrics that are on by default.
	Metrics map[string]MetricConfig `mapstructure:"metrics"`
	// ResourceAttributes switches single resource attributes on or off.
	ResourceAttributes metadata.ResourceAttributesConfig `mapstructure:"resource_attributes"`
}

// ContainersConfig chooses the cgroups that get a sample.
type ContainersConfig struct {
	// Units samples systemd's services and scopes, and other leaf cgroups outside containers, like containers. Default
	// true.
	Units bool `mapstructure:"units"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// BPFConfig is about what is counted inside the kernel.
type BPFConfig struct {
	// Enabled loads the BPF programs. Without them only posture is sampled. Default true.
	Enabled bool `mapstructure:"enabled"`
	// MaxCgroups is how many cgroups can be told apart at a time; each costs about 3 KiB of kernel memory per CPU, up to
	// 8 CPUs. What happens in others is counted for the node, and in quality_lost. 16 to 65536. Default 1024.
	MaxCgroups int `mapstructure:"max_cgroups"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// PostureConfig is about what is read from time to time.
type PostureConfig struct {
	// Enabled reads the posture of containers and of the node. Default true.
	Enabled bool `mapstructure:"enabled"`
	// Interval is the time between two readings; every sample has what the latest one found. At least 1s. Default 60s.
	Interval time.Duration `mapstructure:"interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// EventsConfig is about the log records.
type EventsConfig struct {
	// MaxPerTick is how many records a tick may have; the rest waits in the ring buffer for the next ticks, and what does
	// not fit there is dropped and counted. Default 100; zero means no records.
	MaxPerTick int `mapstructure:"max_per_tick"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// SyscallsConfig is about the histogram of system calls.
type SyscallsConfig struct {
	// Top is how many system calls get a count of their own in a sample, those that were most frequent in the tick, if
	// the metric nodesec.syscall.calls is enabled. Default 20.
	Top int `mapstructure:"top"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// MetricConfig switches a metric on or off.
type MetricConfig struct {
	// Enabled says whether the metric is emitted.
	Enabled bool `mapstructure:"enabled"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		CollectionInterval: 10 * time.Second,
		RootPath:           "/",
		Temporality:        temporalityDelta,
		Containers:         ContainersConfig{Units: true},
		BPF:                BPFConfig{Enabled: true, MaxCgroups: 1024},
		Posture:            PostureConfig{Enabled: true, Interval: time.Minute},
		Events:             EventsConfig{MaxPerTick: defaultEvents},
		Syscalls:           SyscallsConfig{Top: 20},
		Classes:            classes.NewDefaultConfig(),
		ResourceAttributes: metadata.NewDefaultMetricsBuilderConfig().ResourceAttributes,
	}
}

// Validate reports all settings that can not be used.
func (c *Config) Validate() error {
	var errs []error
	fail := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fail(c.CollectionInterval < minInterval || c.CollectionInterval%time.Millisecond != 0,
		"collection_interval: must be whole milliseconds and at least %v, got %v", minInterval, c.CollectionInterval)
	fail(c.RootPath != "" && !filepath.IsAbs(c.RootPath), "root_path: must be an absolute path, got %q", c.RootPath)
	fail(!slices.Contains([]string{"", temporalityDelta, temporalityCumulative}, c.Temporality),
		"temporality: must be %q or %q, got %q", temporalityDelta, temporalityCumulative, c.Temporality)
	known, err := readCatalogue()
	if err != nil {
		return err
	}
	for name := range c.Metrics {
		fail(known.find(name) == nil, "metrics: must be names of metrics of this receiver, got %q", name)
	}
	return errors.Join(errs...)
}

// Validate reports all settings that can not be used.
func (c *BPFConfig) Validate() error {
	if c.MaxCgroups < minCgroups || c.MaxCgroups > maxCgroups {
		return fmt.Errorf("max_cgroups: must be %d to %d, got %d", minCgroups, maxCgroups, c.MaxCgroups)
	}
	return nil
}

// Validate reports all settings that can not be used.
func (c *PostureConfig) Validate() error {
	if c.Interval < time.Second {
		return fmt.Errorf("interval: must be at least 1s, got %v", c.Interval)
	}
	return nil
}

// Validate reports all settings that can not be used.
func (c *EventsConfig) Validate() error {
	if c.MaxPerTick < 0 {
		return fmt.Errorf("max_per_tick: must not be negative, got %d", c.MaxPerTick)
	}
	return nil
}

// Validate reports all settings that can not be used.
func (c *SyscallsConfig) Validate() error {
	if c.Top < 0 {
		return fmt.Errorf("top: must not be negative, got %d", c.Top)
	}
	return nil
}

// root is RootPath or its default.
func (c *Config) root() string {
	if c.RootPath == "" {
		return "/"
	}
	return c.RootPath
}
