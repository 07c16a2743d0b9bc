// SPDX-License-Identifier: Apache-2.0

// Package deploy holds the configurations that nodesec is deployed with.
package deploy

import _ "embed"

// Quickstart is the collector configuration for one host and an embedded ClickHouse.
//
//go:embed quickstart.yaml
var Quickstart []byte
