// SPDX-License-Identifier: Apache-2.0

package procfs

import "bytes"

// NextLine returns the first line of data without its newline, and what follows it.
func NextLine(data []byte) (line, rest []byte) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return data[:i], data[i+1:]
	}
	return data, nil
}

// NextField returns the first field of line and what follows it. Fields are separated by spaces and tabs; the field is
// empty at the end of the line.
func NextField(line []byte) (field, rest []byte) {
	start := 0
	for start < len(line) && isSpace(line[start]) {
		start++
	}
	end := start
	for end < len(line) && !isSpace(line[end]) {
		end++
	}
	return line[start:end], line[end:]
}

// ParseUint parses a decimal number. It is not ok for an empty field, for anything but digits and for numbers over 64
// bits.
func ParseUint(field []byte) (value uint64, ok bool) {
	if len(field) == 0 {
		return 0, false
	}
	for _, c := range field {
		digit := uint64(c) - '0'
		if digit > 9 {
			return 0, false
		}
		const limit = (1<<64 - 1) / 10
		if value > limit || value == limit && digit > (1<<64-1)%10 {
			return 0, false
		}
		value = value*10 + digit
	}
	return value, true
}

// NextUint parses the first field of line.
func NextUint(line []byte) (value uint64, rest []byte, ok bool) {
	field, rest := NextField(line)
	value, ok = ParseUint(field)
	return value, rest, ok
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
