// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAskCommand(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/data")
	for _, tt := range []struct{ program, path, want string }{
		{"bin/nodesecctl", "/data/nodesec", "bin/nodesecctl query"},
		{"/opt/my tools/nodesecctl", "/data/nodesec", "'/opt/my tools/nodesecctl' query"},
		{"nodesecctl", "/mnt/it's", `nodesecctl query --path '/mnt/it'\''s'`},
		{"nodesecctl", "data-1_x", "nodesecctl query --path data-1_x"},
		{"nodesecctl", "a;b", "nodesecctl query --path 'a;b'"},
	} {
		assert.Equal(t, tt.want, askCommand(tt.program, tt.path))
	}
}
