// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPressure(t *testing.T) {
	assert.Equal(t, Pressure{Some: Stall{Avg10: 3.38, Total: is(339661310)}, Full: Stall{Total: is(0)}},
		parseFixture[Pressure](t, new6, "pressure/cpu"))
	assert.Equal(t, Pressure{
		Some: Stall{Avg10: 0.08, Total: is(102148636)}, Full: Stall{Avg10: 0.07, Total: is(85418420)},
	}, parseFixture[Pressure](t, new6, "pressure/io"))
}

func TestPressureOfCPUBeforeLinux513HasNoFull(t *testing.T) {
	got := parse[Pressure](t, []byte("some avg10=0.10 avg60=2.00 avg300=3.85 total=15\n"))
	assert.Equal(t, Pressure{Some: Stall{Avg10: 0.1, Total: is(15)}}, got)
}

func TestPressureMalformed(t *testing.T) {
	for _, data := range []string{"some\n", "some avg10=0.10\n", "full avg10=x total=1\n", "some avg10=1 total=-1\n"} {
		requireMalformed[Pressure](t, data)
	}
}

func FuzzPressure(f *testing.F) { fuzz[Pressure](f, "pressure/cpu", "pressure/io") }
