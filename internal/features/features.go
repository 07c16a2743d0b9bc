// SPDX-License-Identifier: Apache-2.0

// Package features lists the features of nodesec's receivers for the documentation: docs/features.md and the table in the
// README. Its test compares them with what the receivers have; make generate writes them.
package features

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
	"github.com/nodesec/nodesec/internal/feature"
	"github.com/nodesec/nodesec/receivers/nodesecurity"
)

// Receiver is a receiver and its features.
type Receiver struct {
	Name     string
	Features []feature.Description
	// Off are the metrics that are off by default; they are not among the features.
	Off []string
}

// List lists the receivers of the repository at root.
func List(root string) ([]Receiver, error) {
	resource := Receiver{Name: "noderesource"}
	metadata, err := readMetadata(root, resource.Name)
	if err != nil {
		return nil, err
	}
	resource.Off = metadata.off()
	if resource.Features, err = readResource(root, metadata); err != nil {
		return nil, err
	}
	security := Receiver{Name: "nodesecurity"}
	if metadata, err = readMetadata(root, security.Name); err != nil {
		return nil, err
	}
	security.Off = metadata.off()
	if security.Features, err = nodesecurity.Features(); err != nil {
		return nil, err
	}
	return []Receiver{resource, security}, nil
}

// metadata is the part of a metadata.yaml that describes metrics.
type metadata struct {
	Metrics map[string]struct {
		Enabled     bool   `mapstructure:"enabled"`
		Description string `mapstructure:"description"`
	} `mapstructure:"metrics"`
}

func readMetadata(root, receiver string) (m metadata, err error) {
	path := filepath.Join(root, "receivers", receiver, "metadata.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	if err != nil {
		return m, fmt.Errorf("read %s: %w", path, err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return m, fmt.Errorf("read %s: %w", path, err)
	}
	if err := conf.Unmarshal(&m, confmap.WithIgnoreUnused()); err != nil {
		return m, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

func (m *metadata) off() (names []string) {
	for name, metric := range m.Metrics {
		if !metric.Enabled {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// readResource takes the features of noderesource from the samples that its tests compare with, for only they tell which
// entities have which. Together they have every metric of metadata.yaml, else it fails.
func readResource(root string, m metadata) ([]feature.Description, error) {
	files, err := filepath.Glob(filepath.Join(root, "receivers/noderesource/testdata/*/*.yaml"))
	if err != nil {
		return nil, err
	}
	more, err := filepath.Glob(filepath.Join(root, "receivers/noderesource/testdata/*/golden/*.yaml"))
	if err != nil {
		return nil, err
	}
	found := resource{metadata: m, byName: map[string]*feature.Description{}, metrics: map[string]bool{}}
	for _, file := range append(files, more...) {
		metrics, err := golden.ReadMetrics(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		for _, sample := range metrics.ResourceMetrics().All() {
			found.add(sample)
		}
	}
	for name := range m.Metrics {
		if !found.metrics[name] {
			return nil, fmt.Errorf("list the features of noderesource: no sample in its testdata has the metric %s", name)
		}
	}
	return found.list(), nil
}

// resource collects the features of noderesource.
type resource struct {
	metadata metadata
	byName   map[string]*feature.Description
	metrics  map[string]bool
}

func (r *resource) add(sample pmetric.ResourceMetrics) {
	identity := entity.Of(sample.Resource().Attributes())
	for _, scope := range sample.ScopeMetrics().All() {
		for _, m := range scope.Metrics().All() {
			r.metrics[m.Name()] = true
			if r.metadata.Metrics[m.Name()].Enabled {
				r.addMetric(m, identity.Scope.String())
			}
		}
	}
}

func (r *resource) addMetric(m pmetric.Metric, scope string) {
	counter := m.Type() == pmetric.MetricTypeSum
	var points pmetric.NumberDataPointSlice
	if counter {
		points = m.Sum().DataPoints()
	} else {
		points = m.Gauge().DataPoints()
	}
	for _, point := range points.All() {
		name := feature.Name(m.Name(), point.Attributes())
		d := r.byName[name]
		if d == nil {
			d = &feature.Description{
				Name: name, Group: groupOf(m.Name()), Unit: m.Unit(), Counter: counter,
				Text: r.metadata.Metrics[m.Name()].Description,
			}
			r.byName[name] = d
		}
		if !slices.Contains(d.Scopes, scope) {
			d.Scopes = append(d.Scopes, scope)
		}
	}
}

// list sorts the features by group and name.
func (r *resource) list() (all []feature.Description) {
	for _, d := range r.byName {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b feature.Description) int {
		if order := slices.Index(groups(), a.Group) - slices.Index(groups(), b.Group); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

// groups are those of noderesource, in the order of the documentation.
func groups() []string {
	return []string{"cpu", "memory", "pressure", "disk", "filesystem", "network", "processes", "system", "quality"}
}

// groupOf is the group of a metric of noderesource, by the first word of its name that is not the namespace.
func groupOf(metric string) string {
	_, name, _ := strings.Cut(metric, ".")
	word, _, _ := strings.Cut(name, ".")
	switch word {
	case "cpu", "memory", "pressure", "disk", "filesystem", "network", "quality":
		return word
	case "paging":
		return "memory"
	case "io":
		return "disk"
	case "tcp", "udp", "ip", "icmp", "arp", "sockets", "conntrack":
		return "network"
	case "process", "processes", "thread", "threads", "containers", "pids", "context_switches", "run_queue", "nice", "state":
		return "processes"
	}
	return "system"
}
