// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"cmp"
	"slices"
)

// Median returns the middle value, the upper one of two. It needs at least one value.
func Median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
