// SPDX-License-Identifier: Apache-2.0

// Package feature makes feature names: the one vocabulary that SQL columns, rules, documentation and exports share.
package feature

import (
	"hash/fnv"
	"sort"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// MaxLength is the longest name that Name returns, in bytes. Longer ones are cut and end in a hash of the whole.
const MaxLength = 128

const hashLength = 8 // hexadecimal digits of the 32-bit hash that ends a cut name

// ownPrefix is the metric namespace that needs no telling apart from others, so names go without it.
const ownPrefix = "nodesec."

// Name returns the feature name of a data point: the metric name, then the values of its attributes in the order of
// their keys, joined by underscores. Letters become lower case and everything but letters, digits and underscores
// becomes an underscore, so that the name is an identifier in SQL and CEL:
// container.cpu.time{cpu.mode=user} is container_cpu_time_user. The prefix "nodesec." is dropped.
//
// Different data points can have the same name (a.b and a_b); whoever stores features must tell them apart by Key.
func Name(metric string, attributes pcommon.Map) string {
	var b strings.Builder
	appendWord(&b, strings.TrimPrefix(metric, ownPrefix))
	for _, key := range sortedKeys(attributes) {
		value, _ := attributes.Get(key)
		b.WriteByte('_')
		appendWord(&b, value.AsString())
	}
	return limit(b.String())
}

// Key returns the text that tells one feature from all others: metric{key=value,...} with the keys in order and with
// the characters that have a meaning in it escaped by a backslash.
func Key(metric string, attributes pcommon.Map) string {
	var b strings.Builder
	escape(&b, metric)
	if attributes.Len() == 0 {
		return b.String()
	}
	for i, key := range sortedKeys(attributes) {
		b.WriteByte("{,"[min(i, 1)])
		escape(&b, key)
		b.WriteByte('=')
		value, _ := attributes.Get(key)
		escape(&b, value.AsString())
	}
	b.WriteByte('}')
	return b.String()
}

// WithSuffix returns name followed by an underscore and suffix, and no longer than MaxLength.
func WithSuffix(name, suffix string) string { return limit(name + "_" + suffix) }

// Hash returns eight hexadecimal digits that stand for text (FNV-1a, 32 bits).
func Hash(text string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	const digits = "0123456789abcdef"
	sum := h.Sum32()
	var out [hashLength]byte
	for i := range out {
		out[i] = digits[sum>>(28-4*i)&15]
	}
	return string(out[:])
}

func sortedKeys(attributes pcommon.Map) []string {
	keys := make([]string, 0, attributes.Len())
	for key := range attributes.All() {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func appendWord(b *strings.Builder, word string) {
	if b.Len() == 0 && (word == "" || word[0] >= '0' && word[0] <= '9') {
		b.WriteByte('_') // an identifier does not start with a digit
	}
	for i := range len(word) {
		switch c := word[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c - 'A' + 'a')
		default:
			b.WriteByte('_')
		}
	}
}

func escape(b *strings.Builder, text string) {
	for i := range len(text) {
		if strings.IndexByte(`\{},=`, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
}

func limit(name string) string {
	if len(name) <= MaxLength {
		return name
	}
	return name[:MaxLength-hashLength-1] + "_" + Hash(name)
}
