// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
)

// NewFactory returns the factory of the receiver.
func NewFactory() receiver.Factory {
	s := &shared{receivers: map[*Config]*securityReceiver{}}
	return receiver.NewFactory(metadata.Type, createDefaultConfig,
		receiver.WithMetrics(s.createMetrics, metadata.MetricsStability),
		receiver.WithLogs(s.createLogs, metadata.LogsStability))
}

// shared are the receivers by configuration: the programs are loaded once for metrics and logs together.
type shared struct {
	mu        sync.Mutex
	receivers map[*Config]*securityReceiver
}

func (s *shared) get(settings receiver.Settings, cfg *Config) *securityReceiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.receivers[cfg]
	if r == nil {
		r = &securityReceiver{cfg: cfg, settings: settings, closed: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.receivers, cfg)
		}}
		s.receivers[cfg] = r
	}
	return r
}

func (s *shared) createMetrics(
	_ context.Context, settings receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	r := s.get(settings, cfg.(*Config))
	r.metrics = next
	return r, nil
}

func (s *shared) createLogs(
	_ context.Context, settings receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	r := s.get(settings, cfg.(*Config))
	r.logs = next
	return r, nil
}
