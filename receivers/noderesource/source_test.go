// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryBitOfMissingIsInTheREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for bit := sourceProcessStatus; bit <= sourceNamespaceNet; bit <<= 1 {
		assert.Contains(t, string(readme), fmt.Sprintf("\n| %d | ", bit))
	}
	assert.NotContains(t, string(readme), fmt.Sprintf("\n| %d | ", sourceNamespaceNet<<1))
}
