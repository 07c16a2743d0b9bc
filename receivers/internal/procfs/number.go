// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"errors"
	"fmt"
)

// ErrFormat says that a file does not look as the kernel documents it. The values parsed so far are not to be used.
var ErrFormat = errors.New("unexpected format")

// UserHZ is the unit of CPU times in /proc: ticks per second. User space sees 100 on every architecture that Go runs
// on, whatever the kernel's own HZ (include/asm-generic/param.h, USER_HZ).
const UserHZ = 100

// Number is a value that not every kernel tells.
type Number struct {
	Value uint64
	Known bool
}

// parse sets the number to the field. It reports what makes up the line if the field is not a number.
func (n *Number) parse(field, line []byte) error {
	value, ok := ParseUint(field)
	if !ok {
		return malformed(line)
	}
	*n = Number{Value: value, Known: true}
	return nil
}

// parseKeyed parses lines of KEY VALUE. field returns where the value of a key goes; nil for a key of no interest.
func parseKeyed(data []byte, field func(key []byte) *Number) error {
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		key, rest := NextField(line)
		number := field(key)
		if number == nil {
			continue
		}
		value, _ := NextField(rest)
		if err := number.parse(value, line); err != nil {
			return err
		}
	}
	return nil
}

// nextUints parses the next fields of rest, a part of line, into values.
func nextUints(rest, line []byte, values ...*uint64) ([]byte, error) {
	for _, value := range values {
		var ok bool
		if *value, rest, ok = NextUint(rest); !ok {
			return nil, malformed(line)
		}
	}
	return rest, nil
}

// ParseDecimal parses a number such as 12 or 0.25: digits, perhaps a point and digits.
func ParseDecimal(field []byte) (value float64, ok bool) {
	scale, point := 1.0, false
	digits := uint64(0)
	count := 0
	for _, c := range field {
		switch {
		case c == '.' && !point:
			point = true
			continue
		case c < '0' || c > '9' || count == 18: // more digits could overflow
			return 0, false
		}
		count++
		digits = digits*10 + uint64(c-'0')
		if point {
			scale *= 10
		}
	}
	return float64(digits) / scale, count > 0
}

func malformed(line []byte) error {
	const most = 80
	return fmt.Errorf("%w: line %q", ErrFormat, line[:min(len(line), most)])
}
