// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseDecimal(t *testing.T) {
	for _, tt := range []struct {
		field string
		want  float64
		ok    bool
	}{
		{"0", 0, true}, {"12", 12, true}, {"0.25", 0.25, true}, {"2271.61", 2271.61, true}, {"3.", 3, true},
		{".5", 0.5, true},
		{"", 0, false}, {".", 0, false}, {"-1", 0, false}, {"1.2.3", 0, false}, {"1e3", 0, false}, {"NaN", 0, false},
		{"999999999999999999", 999999999999999999, true}, {"1000000000000000000", 0, false},
	} {
		got, ok := ParseDecimal([]byte(tt.field))
		assert.Equal(t, tt.ok, ok, tt.field)
		if ok {
			assert.InDelta(t, tt.want, got, 0, tt.field)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	f.Add("2271.61")
	f.Fuzz(func(t *testing.T, field string) {
		got, ok := ParseDecimal([]byte(field))
		if !ok {
			return
		}
		want, err := strconv.ParseFloat(field, 64)
		assert.NoError(t, err)
		assert.InEpsilon(t, want+1, got+1, 1e-15)
	})
}

func TestMalformedQuotesTheLineCut(t *testing.T) {
	assert.Less(t, len(malformed([]byte(strings.Repeat("x", 1<<20))).Error()), 200)
}
