// SPDX-License-Identifier: Apache-2.0

package engine

import "strings"

// CEL keeps the word namespace for itself. Conditions need it more, so it is written differently for the parser, in the
// same number of characters so that places stay what they are; no other name has a capital letter.
const (
	reservedWord  = "namespace"
	reservedAlias = "Namespace"
)

// aliased replaces the reserved word wherever it stands by itself and not in a text.
func aliased(condition string) string {
	if !strings.Contains(condition, reservedWord) {
		return condition
	}
	var b strings.Builder
	for rest := condition; rest != ""; {
		n := 1
		switch c := rest[0]; {
		case c == '"' || c == '\'':
			n = textLength(rest)
		case c == '/' && strings.HasPrefix(rest, "//"):
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
		case isWord(c):
			for n < len(rest) && isWord(rest[n]) {
				n++
			}
			if n < len(rest) && (rest[n] == '"' || rest[n] == '\'') && strings.Trim(rest[:n], "rRbB") == "" {
				n += rawLength(rest[n:]) // r"..."
			}
		}
		if rest[:n] == reservedWord {
			b.WriteString(reservedAlias)
		} else {
			b.WriteString(rest[:n])
		}
		rest = rest[n:]
	}
	return b.String()
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// textLength is the length of the text constant that s begins with.
func textLength(s string) int {
	quote := s[:1]
	if strings.HasPrefix(s, strings.Repeat(quote, 3)) {
		quote = s[:3]
	}
	for i := len(quote); i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if strings.HasPrefix(s[i:], quote) {
			return i + len(quote)
		}
	}
	return len(s)
}

// rawLength is textLength of a text in which a backslash is a backslash.
func rawLength(s string) int {
	quote := s[:1]
	if strings.HasPrefix(s, strings.Repeat(quote, 3)) {
		quote = s[:3]
	}
	if end := strings.Index(s[len(quote):], quote); end >= 0 {
		return end + 2*len(quote)
	}
	return len(s)
}
