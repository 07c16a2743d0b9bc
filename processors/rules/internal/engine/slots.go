// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// function is what makes a number out of the past of a feature or text.
type function uint8

const (
	noFunction function = iota
	prevFunction
	lastFunction
	rateFunction
	sumFunction
	avgFunction
	maxFunction
	zscoreFunction
	peersFunction
	firstFunction
	firstTextFunction
)

// functions are the names of what makes a number out of the past.
func functions() map[string]function {
	return map[string]function{
		"prev": prevFunction, "last": lastFunction, "rate": rateFunction, "sum": sumFunction, "avg": avgFunction, "max": maxFunction,
		"zscore": zscoreFunction, "zscore_peers": peersFunction, "first_seen": firstFunction,
	}
}

// number is a number that conditions use: a feature, or what a function makes of it.
type number struct {
	// name is how conditions write it.
	name     string
	function function
	// of is the number of the feature, or for firstTextFunction that of the text.
	of int32
	// window is the second argument of the function, or its default.
	window time.Duration
	// scopes are those of the rules that use it.
	scopes scopeSet
}

// text is a text that conditions use: of the identity, or an attribute of the resource.
type text struct {
	name      string
	attribute string // empty for the identity
}

// slots numbers what conditions use. In the expressions that CEL sees, each is a variable named by kind and number; such
// names can't be written, so they collide with nothing.
type slots struct {
	numbers     []number
	texts       []text
	numberNames map[string]int32
	textNames   map[string]int32
}

func newSlots() *slots {
	return &slots{numberNames: map[string]int32{}, textNames: map[string]int32{}}
}

func (s *slots) number(n number) int32 {
	i, ok := s.numberNames[n.name]
	if !ok {
		i = int32(len(s.numbers))
		s.numbers = append(s.numbers, n)
		s.numberNames[n.name] = i
	}
	s.numbers[i].scopes |= n.scopes
	return i
}

func (s *slots) text(t text) int32 {
	if i, ok := s.textNames[t.name]; ok {
		return i
	}
	i := int32(len(s.texts))
	s.texts = append(s.texts, t)
	s.textNames[t.name] = i
	return i
}

// The kinds of variables.
const (
	numberVariable = 'n' // a double
	flagVariable   = 'f' // a bool: whether the number is not zero
	hasVariable    = 'h' // a bool: whether there is the number
	textVariable   = 't' // a string
)

func variable(kind byte, slot int32) string { return "@" + string(kind) + strconv.Itoa(int(slot)) }

// parseVariable is the inverse of variable.
func parseVariable(name string) (kind byte, slot int32, ok bool) {
	if len(name) < 3 || name[0] != '@' || !strings.ContainsRune("nfht", rune(name[1])) {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(name[2:], 10, 32)
	return name[1], int32(n), err == nil
}

// derivedName is how conditions write a function of something.
func derivedName(function, of string, window time.Duration) string {
	if window == 0 {
		return function + "(" + of + ")"
	}
	return fmt.Sprintf("%s(%s, %q)", function, of, shortDuration(window))
}

// shortDuration is d without parts that are zero: 5m, not 5m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
