// SPDX-License-Identifier: Apache-2.0

package export

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
)

// The splits, in the order of Options.Shares.
const (
	train      = "train"
	validation = "validation"
	test       = "test"
	all        = "all" // the only one where nothing is split
)

// group is rows that must not be torn apart.
type group struct {
	Key        string
	Stratum    string // groups of one are spread over the splits
	First      int64  // Unix milliseconds of its first row
	Techniques []string
}

// assign gives each group a split. The same groups and seed give the same splits.
func assign(groups []group, o *Options) (map[string]string, error) {
	splits := map[string]string{}
	if o.Split == "none" {
		for _, g := range groups {
			splits[g.Key] = all
		}
		return splits, nil
	}
	rest := groups
	if o.Split == "technique" {
		held, err := holdout(groups, o)
		if err != nil {
			return nil, err
		}
		rest = nil
		for _, g := range groups {
			if slices.ContainsFunc(g.Techniques, func(id string) bool { return slices.Contains(held, id) }) {
				splits[g.Key] = test
			} else {
				rest = append(rest, g)
			}
		}
		// The test split has its attacks; of what is no attack it gets its share below.
	}
	for _, stratum := range strata(rest, o) {
		shares := o.Shares
		if o.Split == "technique" && len(stratum[0].Techniques) > 0 {
			shares = withoutTest(shares)
		}
		divide(stratum, shares, splits)
	}
	return splits, nil
}

func withoutTest(shares [3]float64) [3]float64 {
	left := shares[0] + shares[1]
	if left == 0 {
		return [3]float64{1, 0, 0}
	}
	return [3]float64{shares[0] / left, shares[1] / left, 0}
}

// strata are the groups in the order in which they are divided. By time all are one; else each stratum has an order that
// the seed decides.
func strata(groups []group, o *Options) [][]group {
	if o.Split == "time" {
		sorted := slices.SortedFunc(slices.Values(groups), func(a, b group) int {
			return cmp.Or(cmp.Compare(a.First, b.First), strings.Compare(a.Key, b.Key))
		})
		if len(sorted) == 0 {
			return nil
		}
		return [][]group{sorted}
	}
	by := map[string][]group{}
	for _, g := range groups {
		by[g.Stratum] = append(by[g.Stratum], g)
	}
	var all [][]group
	for _, name := range slices.Sorted(maps.Keys(by)) {
		slices.SortFunc(by[name], func(a, b group) int {
			return cmp.Or(cmp.Compare(draw(a.Key, o.Seed), draw(b.Key, o.Seed)), strings.Compare(a.Key, b.Key))
		})
		all = append(all, by[name])
	}
	return all
}

// draw is a number that seed and key decide.
func draw(key string, seed uint64) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s", seed, key)
	return h.Sum64() * 0x9e3779b97f4a7c15 // FNV's upper bits hardly differ between keys that end alike
}

// divide gives the first groups of a stratum to train, the next to validation and the last to test. Of three or more groups each
// split whose share is not 0 gets at least one; of two, train and test.
func divide(groups []group, shares [3]float64, splits map[string]string) {
	n := len(groups)
	trained := int(shares[0]*float64(n) + 0.5)
	tested := int(shares[2]*float64(n) + 0.5)
	if shares[2] > 0 && tested == 0 && n > 1 {
		tested = 1
	}
	if shares[0] > 0 && trained == 0 {
		trained = 1
	}
	trained = min(trained, n-tested)
	if shares[1] > 0 && n-trained-tested == 0 && n > 2 {
		if trained > 1 {
			trained--
		} else if tested > 1 {
			tested--
		}
	}
	if shares[1] == 0 {
		trained = n - tested
	}
	for i, g := range groups {
		switch {
		case i < trained:
			splits[g.Key] = train
		case i < n-tested:
			splits[g.Key] = validation
		default:
			splits[g.Key] = test
		}
	}
}

// holdout are the techniques that only the test split may have.
func holdout(groups []group, o *Options) ([]string, error) {
	known := map[string]bool{}
	for _, g := range groups {
		for _, id := range g.Techniques {
			known[id] = true
		}
	}
	for _, id := range o.Holdout {
		if !known[id] {
			return nil, fmt.Errorf("--holdout: no attack in the data is of technique %s", id)
		}
	}
	if len(o.Holdout) > 0 {
		return o.Holdout, nil
	}
	ids := slices.SortedFunc(maps.Keys(known), func(a, b string) int {
		return cmp.Or(cmp.Compare(draw(a, o.Seed), draw(b, o.Seed)), strings.Compare(a, b))
	})
	return ids[:(len(ids)+2)/3], nil
}
