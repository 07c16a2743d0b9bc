// SPDX-License-Identifier: Apache-2.0

package noderesource

// risingCounter makes a counter that only rises of one that falls at times without having been reset, such as the time
// a CPU waits for input: the kernel estimates it, and corrects itself. Where the counter falls the rising one stands
// still.
type risingCounter struct{ previous, risen uint64 }

func (c *risingCounter) update(value uint64) uint64 {
	if value > c.previous {
		c.risen += value - c.previous
	}
	c.previous = value
	return c.risen
}

// wideCounter makes a counter of 64 bits of one that the kernel keeps in 32 bits, or that is a sum of such counters. A
// fall by more than half the range means that it started again from zero by itself; a smaller one means that it was
// reset.
type wideCounter struct{ previous, carried uint64 }

func (c *wideCounter) update(value uint64) uint64 {
	switch {
	case value >= c.previous:
	case c.previous-value > 1<<31:
		c.carried += 1 << 32
	default:
		c.carried = 0
	}
	c.previous = value
	return c.carried + value
}
