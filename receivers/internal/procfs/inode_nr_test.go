// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestInodeNr(t *testing.T) {
	assert.Equal(t, InodeNr{Allocated: 206247}, parseFixture[InodeNr](t, new6, "sys/fs/inode-nr"))
	requireMalformed[InodeNr](t, "206247\n")
}

func FuzzInodeNr(f *testing.F) { fuzz[InodeNr](f, "sys/fs/inode-nr") }
