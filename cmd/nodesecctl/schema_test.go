// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSchemaPrintsStatements(t *testing.T) {
	for _, tt := range []struct {
		name      string
		arguments []string
		want      []string
	}{
		{"one server", nil, []string{"`nodesec`.`container_samples`", "non_replicated_deduplication_window"}},
		{"a cluster", []string{"--cluster", "shop", "--database", "d"}, []string{"ON CLUSTER", "ReplicatedMergeTree", "Distributed"}},
		{"with an end", []string{"--ttl", "24h"}, []string{"TTL "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			cmd := newSchemaCommand()
			cmd.SetOut(&out)
			cmd.SetArgs(append([]string{}, tt.arguments...))
			require.NoError(t, cmd.Execute())
			for _, text := range tt.want {
				assert.Contains(t, out.String(), text)
			}
		})
	}
}
