// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

//go:embed metadata.yaml
var metadataYAML []byte

// catalogue is the metrics of metadata.yaml, sorted by name. The receiver writes its metrics itself, because the builder
// that mdatagen generates compares each data point with all before it of the same metric, which is too slow for metrics
// with many attribute values; names, units and descriptions come from the one source all the same.
type catalogue []metric

// metric describes a metric.
type metric struct {
	name, description, unit string
	enabled                 bool
	sum, double             bool
	// attribute is the key of the only attribute, values are what it can be; empty if there is none.
	attribute string
	values    []string
}

func (c catalogue) find(name string) *metric {
	i, found := slices.BinarySearchFunc(c, name, func(m metric, name string) int { return strings.Compare(m.name, name) })
	if !found {
		return nil
	}
	return &c[i]
}

// document is the part of metadata.yaml that describes metrics.
type document struct {
	Attributes map[string]struct {
		Enum []string `mapstructure:"enum"`
	} `mapstructure:"attributes"`
	Metrics map[string]struct {
		Enabled     bool     `mapstructure:"enabled"`
		Description string   `mapstructure:"description"`
		Unit        string   `mapstructure:"unit"`
		Attributes  []string `mapstructure:"attributes"`
		Sum         *value   `mapstructure:"sum"`
		Gauge       *value   `mapstructure:"gauge"`
	} `mapstructure:"metrics"`
}

type value struct {
	Type string `mapstructure:"value_type"`
}

func readCatalogue() (catalogue, error) {
	retrieved, err := confmap.NewRetrievedFromYAML(metadataYAML)
	if err != nil {
		return nil, fmt.Errorf("read metadata.yaml: %w", err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return nil, fmt.Errorf("read metadata.yaml: %w", err)
	}
	var d document
	if err := conf.Unmarshal(&d, confmap.WithIgnoreUnused()); err != nil {
		return nil, fmt.Errorf("read metadata.yaml: %w", err)
	}
	var c catalogue
	for name, described := range d.Metrics {
		m := metric{
			name: name, description: described.Description, unit: described.Unit, enabled: described.Enabled,
			sum: described.Sum != nil,
		}
		if described.Gauge != nil {
			m.double = described.Gauge.Type == "double"
		}
		if len(described.Attributes) > 0 {
			m.attribute = described.Attributes[0]
			m.values = d.Attributes[m.attribute].Enum
		}
		c = append(c, m)
	}
	slices.SortFunc(c, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	return c, nil
}
