// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/nodesec/nodesec/processors/rules/internal/attack"
	"github.com/nodesec/nodesec/processors/rules/internal/engine"
	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

//go:generate go test . -run TestListOfFeatures -update

//go:embed features.txt
var featureList string

//go:embed packs/*.yaml
var packs embed.FS

// The packs.
const (
	packDefault = "default"
	packNone    = "none"
)

// Rules are compiled rules.
type Rules struct {
	program *engine.Program
	matrix  *attack.Matrix
}

// Load reads and compiles the rules that the configuration asks for. Its error tells all that is wrong with them.
func Load(cfg *Config) (*Rules, error) {
	sources, err := read(cfg)
	if err != nil {
		return nil, err
	}
	return compile(cfg, sources)
}

func compile(cfg *Config, sources []rulefile.Source) (*Rules, error) {
	matrix, err := attack.Load()
	if err != nil {
		return nil, err
	}
	vocabulary, err := engine.NewVocabulary(featureList, cfg.ExtraFeatures)
	if err != nil {
		return nil, err
	}
	set, err := rulefile.Load(sources)
	errs := []error{err}
	for _, rule := range set.Rules {
		for _, id := range rule.Techniques {
			if _, err := matrix.Find(id); err != nil {
				errs = append(errs, fmt.Errorf("%s: rule %s: %w", rule.Origins[len(rule.Origins)-1], rule.Name, err))
			}
		}
	}
	program, err := engine.Compile(set, vocabulary)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if len(cfg.Disable) > 0 {
		program.Disable(func(name string) bool {
			return slices.ContainsFunc(cfg.Disable, func(glob string) bool {
				matched, _ := path.Match(glob, name) // checked by Validate
				return matched
			})
		})
	}
	return &Rules{program: program, matrix: matrix}, nil
}

// read reads the pack and the files.
func read(cfg *Config) (sources []rulefile.Source, err error) {
	if cfg.Pack != packNone {
		names, err := fs.Glob(packs, "packs/*.yaml")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := packs.ReadFile(name)
			if err != nil {
				return nil, err
			}
			sources = append(sources, rulefile.Source{Name: "pack:" + path.Base(name), Pack: true, Text: text})
		}
	}
	for _, glob := range cfg.Files {
		names, err := filepath.Glob(glob)
		if err != nil {
			return nil, fmt.Errorf("files: %s: %w", glob, err)
		}
		if len(names) == 0 && !isPattern(glob) {
			return nil, fmt.Errorf("files: %s: %w", glob, fs.ErrNotExist)
		}
		for _, name := range names { // sorted
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("read rules: %w", err)
			}
			sources = append(sources, rulefile.Source{Name: name, Text: text})
		}
	}
	return sources, nil
}

func isPattern(glob string) bool {
	for _, c := range glob {
		if c == '*' || c == '?' || c == '[' {
			return true
		}
	}
	return false
}
