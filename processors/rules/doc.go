// SPDX-License-Identifier: Apache-2.0

// Package rules tags samples that look like an attack, with rules over features and their past.
package rules
