// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/nodesec/nodesec/processors/rules/internal/metadata"
)

// NewFactory returns the factory of the processor.
func NewFactory() processor.Factory {
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithMetrics(createMetrics, metadata.MetricsStability))
}

func createMetrics(
	_ context.Context, settings processor.Settings, cfg component.Config, next consumer.Metrics,
) (processor.Metrics, error) {
	return newProcessor(cfg.(*Config), settings, next)
}
