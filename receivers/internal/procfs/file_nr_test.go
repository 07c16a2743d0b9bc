// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFileNr(t *testing.T) {
	assert.Equal(t, FileNr{Open: 807, Max: 2466170}, parseFixture[FileNr](t, new6, "sys/fs/file-nr"))
	requireMalformed[FileNr](t, "807\t0\n")
}

func FuzzFileNr(f *testing.F) { fuzz[FileNr](f, "sys/fs/file-nr") }
