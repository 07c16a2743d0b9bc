// SPDX-License-Identifier: Apache-2.0

package footprint

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/nodesec/nodesec/extensions/footprint/internal/metadata"
)

// NewFactory returns the factory of the extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func create(_ context.Context, settings extension.Settings, cfg component.Config) (extension.Extension, error) {
	return &footprint{cfg: cfg.(*Config), logger: settings.Logger}, nil
}
