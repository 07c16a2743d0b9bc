// SPDX-License-Identifier: Apache-2.0

package zeros

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestEachFeatureIsListedOnce(t *testing.T) {
	seen := map[[2]string]bool{}
	for _, f := range Features() {
		key := [2]string{f.Metric, f.Value}
		assert.False(t, seen[key], key)
		seen[key] = true
		assert.Equal(t, f.Attribute == "", f.Value == "", key)
		assert.Equal(t, f, Parse(f.String())[0])
	}
}

// TestNumbersStay knows the first and the last feature of the first list: a line that moves makes zeros of what is not.
func TestNumbersStay(t *testing.T) {
	list := Features()
	assert.Equal(t, "ptrace_attach", list[0].Value)
	assert.Equal(t, "nodesec.task", list[321].Metric)
	assert.Equal(t, "short_lived", list[321].Value)
}

func TestASetIsReadBackFromItsMasks(t *testing.T) {
	want := []int{0, 1, 51, 52, 103, 104, 200}
	set := NewSet(201)
	for _, number := range want {
		set.Add(number)
	}
	require.Len(t, set, 4)
	var got []int
	for i, mask := range set {
		p := pmetric.NewNumberDataPoint()
		p.Attributes().PutInt(Attribute, int64(i))
		p.SetIntValue(int64(mask))
		m, ok := Read(p)
		require.True(t, ok)
		got = append(got, slices.Collect(m.All())...)
	}
	assert.Equal(t, want, got)
}

func TestWhatIsNoMask(t *testing.T) {
	p := pmetric.NewNumberDataPoint()
	p.SetIntValue(1)
	_, ok := Read(p)
	assert.False(t, ok, "without the number of the mask")
	p.Attributes().PutInt(Attribute, -1)
	_, ok = Read(p)
	assert.False(t, ok, "a negative number")
	p.Attributes().PutInt(Attribute, 1<<60)
	_, ok = Read(p)
	assert.False(t, ok, "a number out of bounds")
	p.Attributes().PutInt(Attribute, 0)
	p.SetIntValue(1 << PerPoint)
	_, ok = Read(p)
	assert.False(t, ok, "too many features")
	p.SetDoubleValue(1)
	_, ok = Read(p)
	assert.False(t, ok, "no integer")
}
