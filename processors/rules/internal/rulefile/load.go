// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Source is a rule file.
type Source struct {
	Name string
	// Pack says that it is one of the pack. The files of a pack must not redefine each other's lists and macros; another
	// file may, and then it is its definition that counts.
	Pack bool
	Text []byte
}

// Load reads and merges rule files. The order matters: a later file can change the rules of an earlier one.
func Load(sources []Source) (*Set, error) {
	m := merger{
		set:  &Set{Lists: map[string]List{}, Macros: map[string]Text{}},
		pack: map[string]string{},
	}
	for i := range sources {
		source := &sources[i]
		f, err := parse(source)
		if err != nil {
			m.errs = append(m.errs, err)
			continue
		}
		m.add(f, source)
	}
	return m.set, errors.Join(m.errs...)
}

func parse(source *Source) (*file, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(source.Text))
	decoder.KnownFields(true)
	var f file
	if err := decoder.Decode(&f); err != nil {
		if errors.Is(err, io.EOF) {
			return &f, nil // nothing but comments
		}
		return nil, yamlError(source.Name, err)
	}
	var more yaml.Node
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: must be one YAML document", source.Name)
	}
	if f.Lists == nil && f.Macros == nil && f.Rules == nil {
		return nil, fmt.Errorf("%s: %w", source.Name, errEmptyFile)
	}
	f.setFile(source.Name)
	return &f, nil
}

// unknownField is how the YAML decoder tells of a key that is none of ours.
var unknownField = regexp.MustCompile(`field (\S+) not found in type rulefile\.(\w+)`)

// yamlError says the decoder's errors in the words of rule files, one per line, each with its place.
func yamlError(file string, err error) error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var types *yaml.TypeError
	if errors.As(err, &types) {
		lines = nil
		for _, e := range types.Errors {
			lines = append(lines, strings.ReplaceAll(e, "yaml: ", ""))
		}
	}
	for i, line := range lines {
		line = unknownField.ReplaceAllStringFunc(line, func(found string) string {
			parts := unknownField.FindStringSubmatch(found)
			return fmt.Sprintf("unknown key %q in %s", parts[1], strings.Replace(parts[2], "addition", "append", 1))
		})
		if rest, ok := strings.CutPrefix(line, "line "); ok {
			line = file + ":" + rest
		} else {
			line = file + ": " + line
		}
		lines[i] = line
	}
	return errors.New(strings.Join(lines, "\n"))
}

// setFile puts the file's name into all texts.
func (f *file) setFile(name string) {
	for key, text := range f.Macros {
		text.File = name
		f.Macros[key] = text
	}
	for i := range f.Rules {
		r := &f.Rules[i]
		texts := []*Text{&r.Name, r.Condition}
		texts = appendTexts(texts, r.Sequence, r.Techniques, r.Exceptions, r.Tests)
		if a := r.Append; a != nil {
			texts = appendTexts(append(texts, a.Condition), nil, a.Techniques, a.Exceptions, a.Tests)
		}
		for _, text := range texts {
			if text != nil {
				text.File = name
			}
		}
	}
}

func appendTexts(to []*Text, sequence, techniques []Text, exceptions []exception, tests []test) []*Text {
	for i := range sequence {
		to = append(to, &sequence[i])
	}
	for i := range techniques {
		to = append(to, &techniques[i])
	}
	for i := range exceptions {
		to = append(to, &exceptions[i].Condition)
	}
	for i := range tests {
		to = append(to, &tests[i].Name)
	}
	return to
}

// names are what lists, macros and rules may be called.
var names = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// merger adds file after file to a set.
type merger struct {
	set  *Set
	pack map[string]string // where the pack defines a list or macro
	errs []error
}

func (m *merger) fail(place, format string, arguments ...any) {
	m.errs = append(m.errs, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, arguments...)))
}

func (m *merger) add(f *file, source *Source) {
	for _, name := range sortedKeys(f.Lists) {
		l := f.Lists[name]
		place := fmt.Sprintf("%s:%d", source.Name, l.line)
		if m.define(name, place, "list", source.Pack) {
			delete(m.set.Macros, name)
			m.set.Lists[name] = List{Values: l.values, Place: place}
		}
	}
	for _, name := range sortedKeys(f.Macros) {
		text := f.Macros[name]
		if m.define(name, text.Place(), "macro", source.Pack) {
			delete(m.set.Lists, name)
			m.set.Macros[name] = text
		}
	}
	for i := range f.Rules {
		m.addRule(&f.Rules[i], source.Name)
	}
}

// define notes the name of a list or macro and reports whether it may be used.
func (m *merger) define(name, place, kind string, pack bool) bool {
	if !names.MatchString(name) {
		m.fail(place, "%s %q: a name is lower case letters, digits and underscores", kind, name)
		return false
	}
	if !pack {
		return true
	}
	if other, defined := m.pack[name]; defined {
		m.fail(place, "%s %q: the pack defines it at %s, too", kind, name, other)
		return false
	}
	m.pack[name] = place
	return true
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
