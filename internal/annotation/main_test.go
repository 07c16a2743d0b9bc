// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"testing"

	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }
