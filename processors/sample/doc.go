// SPDX-License-Identifier: Apache-2.0

// Package sample assembles one resource per entity and tick out of what several receivers measured.
package sample
