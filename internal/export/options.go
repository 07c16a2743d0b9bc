// SPDX-License-Identifier: Apache-2.0

// Package export writes labelled samples to a folder of files to learn from: split so that nothing leaks, checked, and
// with all that somebody needs who did not make them.
package export

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nodesec/nodesec/internal/dataset"
)

// Options say what to export.
type Options struct {
	Scope dataset.Scope `json:"scope"`
	// From and To: samples of [From, To).
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Features are patterns of names (path.Match); one that begins with ! takes features out. None means all but those
	// that Column.Aside tells.
	Features []string `json:"features,omitempty"`
	// Window is how many ticks become one row; 1 leaves samples as they are. Aggregates are what is made of a feature then.
	Window     int      `json:"window"`
	Aggregates []string `json:"aggregates,omitempty"`
	// Split says what stays together: none, run, scenario, technique, workload or time.
	Split string `json:"split"`
	// Holdout are the techniques that only the test split has, with Split technique; none: Seed takes a third of them.
	Holdout []string `json:"holdout,omitempty"`
	// Shares are the parts of train, validation and test.
	Shares [3]float64 `json:"shares"`
	Seed   uint64     `json:"seed"`
	Format string     `json:"format"` // parquet, csv or arrow
	// Accepted are leaks that are known and wanted, with the reason: by column, or by the name of a check.
	Accepted map[string]string `json:"accepted,omitempty"`
	// Check is whether leaks are looked for. Without, the data card says so.
	Check bool `json:"check"`
	// Name, License and Creator stand in the data card.
	Name    string `json:"name"`
	License string `json:"license"`
	Creator string `json:"creator"`
}

// DefaultOptions are those of an export about which nothing is said.
func DefaultOptions() Options {
	return Options{
		Scope: dataset.Container, Window: 1, Aggregates: []string{"mean", "max"}, Split: "run", Shares: [3]float64{0.6, 0.2, 0.2},
		Seed: 1, Format: "parquet", Check: true, Name: "nodesec", License: "https://spdx.org/licenses/CC-BY-4.0.html",
		Creator: "nodesec",
	}
}

// Splits returns the names that Options.Split can have.
func Splits() []string { return []string{"none", "run", "scenario", "technique", "workload", "time"} }

// Formats returns the names that Options.Format can have.
func Formats() []string { return []string{"parquet", "csv", "arrow"} }

// AllAggregates returns the names that Options.Aggregates can have.
func AllAggregates() []string { return []string{"mean", "max", "sum", "last"} }

// Validate names everything that is wrong.
func (o *Options) Validate() error {
	errs := []error{
		oneOf("--scope", string(o.Scope), "node", "container", "process"),
		oneOf("--split", o.Split, Splits()...),
		oneOf("--format", o.Format, Formats()...),
	}
	if !o.To.After(o.From) {
		errs = append(errs, fmt.Errorf("--to: must be after --from %s, got %s", o.From.UTC().Format(time.RFC3339), o.To.UTC().Format(time.RFC3339)))
	}
	if o.Window < 1 || o.Window > 10000 {
		errs = append(errs, fmt.Errorf("--window: must be 1 to 10000 ticks, got %d", o.Window))
	}
	for _, name := range o.Aggregates {
		errs = append(errs, oneOf("--aggregate", name, AllAggregates()...))
	}
	if o.Window > 1 && len(o.Aggregates) == 0 {
		errs = append(errs, errors.New("--aggregate: must be at least one with a --window, got none"))
	}
	sum := 0.0
	for _, share := range o.Shares {
		if share < 0 {
			errs = append(errs, fmt.Errorf("--shares: must not be negative, got %v", o.Shares))
		}
		sum += share
	}
	if sum < 0.999 || sum > 1.001 {
		errs = append(errs, fmt.Errorf("--shares: must add up to 1, got %v", o.Shares))
	}
	for _, pattern := range o.Features {
		if _, err := path.Match(strings.TrimPrefix(pattern, "!"), ""); err != nil {
			errs = append(errs, fmt.Errorf("--features: must be a pattern such as exec_*, got %q", pattern))
		}
	}
	if len(o.Holdout) > 0 && o.Split != "technique" {
		errs = append(errs, fmt.Errorf("--holdout: must go with --split technique, got --split %s", o.Split))
	}
	return errors.Join(errs...)
}

func oneOf(flag, got string, allowed ...string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	return fmt.Errorf("%s: must be one of %s, got %q", flag, strings.Join(allowed, ", "), got)
}
