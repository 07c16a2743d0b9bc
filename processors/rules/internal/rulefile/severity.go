// SPDX-License-Identifier: Apache-2.0

package rulefile

import "strconv"

// Severity is a severity number of OpenTelemetry's logs: 1 (TRACE) to 24 (FATAL4).
type Severity int

// ranges returns the names of the ranges of four numbers.
func ranges() [6]string { return [6]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} }

// String returns the short name: TRACE, TRACE2, ... FATAL4.
func (s Severity) String() string {
	if s < 1 || s > 24 {
		return ""
	}
	name := ranges()[(s-1)/4]
	if step := (s - 1) % 4; step > 0 {
		name += strconv.Itoa(int(step) + 1)
	}
	return name
}

// ParseSeverity returns the severity of a short name.
func ParseSeverity(name string) (Severity, bool) {
	for s := Severity(1); s <= 24; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}
