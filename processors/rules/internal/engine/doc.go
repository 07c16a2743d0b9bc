// SPDX-License-Identifier: Apache-2.0

// Package engine compiles rules and evaluates them over samples, with a state per entity. It knows numbers and texts: no
// pdata, no clock, no files.
//
// A condition is checked by CEL and then lowered to Go closures over the numbers of the sample; what can't be lowered is
// evaluated by CEL itself. Either way what needs the past, such as prev(x), is computed once per sample before the
// conditions and is a number like the features.
package engine
