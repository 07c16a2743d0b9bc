// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScenariosOfOnesOwn(t *testing.T) {
	all, err := loadScenarios("", nil)
	require.NoError(t, err)
	assert.NotEmpty(t, all)
	for _, folder := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		_, err := loadScenarios(folder, nil)
		require.ErrorContains(t, err, "no scenarios in "+folder)
	}
	_, err = loadScenarios("", []string{"nothing-like-it"})
	require.ErrorContains(t, err, `there is no scenario "nothing-like-it"`)
}
