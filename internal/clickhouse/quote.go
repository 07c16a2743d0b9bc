// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "strings"

// Name quotes an identifier.
func Name(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// Text quotes a string literal.
func Text(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(text) + "'"
}

// Names quotes identifiers, with commas between them.
func Names(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = Name(name)
	}
	return strings.Join(quoted, ", ")
}

// Texts quotes string literals as an array.
func Texts(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = Text(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
