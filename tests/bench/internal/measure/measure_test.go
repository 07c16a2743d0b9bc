// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBothClocksSeeTheSameWork(t *testing.T) {
	before, err := ProcessCPU(os.Getpid())
	require.NoError(t, err)
	cost, err := Of(func() error { return spin(50 * time.Millisecond) })
	require.NoError(t, err)
	after, err := ProcessCPU(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, cost.CPU, 50*time.Millisecond)
	require.GreaterOrEqual(t, after-before, cost.CPU-10*time.Millisecond)
}

func TestAllocationsOfTheWorkAreCounted(t *testing.T) {
	var kept [][]byte
	cost, err := Of(func() error {
		for range 1000 {
			kept = append(kept, make([]byte, 64))
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, kept, 1000)
	require.InDelta(t, 1000, float64(cost.Allocations), 50)
}

func TestProcessCPUOfAnEndedProcessIsAnError(t *testing.T) {
	_, err := ProcessCPU(1 << 22)
	require.ErrorContains(t, err, "4194304")
}

func TestMedian(t *testing.T) {
	require.Equal(t, 3, Median([]int{5, 1, 3}))
	require.Equal(t, 5, Median([]int{5, 1}))
}

// spin uses CPU time, not only time.
func spin(d time.Duration) error {
	started, err := CPU()
	for now := started; err == nil && now-started < d; now, err = CPU() {
	}
	return err
}
