// SPDX-License-Identifier: Apache-2.0

package classes

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"go.opentelemetry.io/collector/confmap"
)

//go:embed defaults.yaml
var defaultsYAML []byte

// Config changes the members of classes. The keys of each section are names of classes with an optional sign:
//
//	persistence:  [...] # these are the members, instead of the default ones
//	persistence+: [...] # these are members, too
//	persistence-: [...] # these are not; each must be a member, written as it is there
//
// Signs apply in this order. A class that no key names has its default members; one with an empty list has none.
type Config struct {
	// Executables are names of executable files without directories. The file that was executed and the name under
	// which it was invoked both count. Only the first 15 bytes are compared, and a name that is unknown is tried again
	// without its trailing version ("python3.11" as "python"). Default empty: no changes.
	Executables map[string][]string `mapstructure:"executables"`
	// Paths are patterns of one of these forms, of at most 12 components of at most 27 bytes each:
	// "/a/*/b", the path and all below it, where the component "*" stands for any one name; "**/name", files and
	// directories of that name anywhere; "**/name/", what is directly in a directory of that name anywhere.
	// Default empty: no changes.
	Paths map[string][]string `mapstructure:"paths"`
	// Ports are port numbers, 1 to 65535. Default empty: no changes.
	Ports map[string][]int `mapstructure:"ports"`
	// Networks are prefixes as "10.0.0.0/8" or single addresses. Default empty: no changes.
	Networks map[string][]string `mapstructure:"networks"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// NewDefaultConfig returns the configuration that changes nothing.
func NewDefaultConfig() Config { return Config{} }

// Validate reports all settings that can not be used.
func (c *Config) Validate() error {
	_, err := Compile(*c)
	return err
}

// WithNetworks returns a copy of the configuration where the prefixes are members of the class, too.
func (c *Config) WithNetworks(class NetworkClass, prefixes ...netip.Prefix) Config {
	key := class.String() + "+"
	networks := maps.Clone(c.Networks)
	if networks == nil {
		networks = map[string][]string{}
	}
	members := slices.Clone(networks[key])
	for _, prefix := range prefixes {
		members = append(members, prefix.Masked().String())
	}
	networks[key] = members
	changed := *c
	changed.Networks = networks
	return changed
}

// defaultMembers reads defaults.yaml the way the collector reads its configuration.
func defaultMembers() (Config, error) {
	var config Config
	retrieved, err := confmap.NewRetrievedFromYAML(defaultsYAML)
	if err != nil {
		return config, fmt.Errorf("read defaults.yaml: %w", err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return config, fmt.Errorf("read defaults.yaml: %w", err)
	}
	if err := conf.Unmarshal(&config); err != nil {
		return config, fmt.Errorf("read defaults.yaml: %w", err)
	}
	return config, nil
}

// Compile turns the default members and the configuration's changes into tables. The same configuration always gives
// the same tables.
func Compile(config Config) (Tables, error) {
	defaults, err := defaultMembers()
	if err != nil {
		return Tables{}, err
	}
	var tables Tables
	if err := errors.Join(
		tables.compileExecutables(defaults.Executables, config.Executables),
		tables.compilePaths(defaults.Paths, config.Paths),
		tables.compilePorts(defaults.Ports, config.Ports),
		tables.compileNetworks(defaults.Networks, config.Networks),
	); err != nil {
		return Tables{}, err
	}
	return tables, nil
}
