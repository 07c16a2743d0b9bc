// SPDX-License-Identifier: Apache-2.0

// Package scenarios has the lab's own scenarios.
package scenarios

import (
	"embed"

	"github.com/nodesec/nodesec/lab/scenario"
)

//go:embed *.yaml
var files embed.FS

// All reads all scenarios, in the order of their names.
func All() ([]*scenario.Scenario, error) { return scenario.Load(files) }
