// SPDX-License-Identifier: Apache-2.0

// Package footprint keeps the resident memory of a collector small: it gives back what only the start needed.
package footprint
