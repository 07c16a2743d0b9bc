// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/scenario"
)

// Check says which of a scenario's actions there are not, and which parameters they do not take.
func Check(s *scenario.Scenario) error {
	var errs []error
	check := func(key string, w scenario.Work) {
		if err := checkWork(w); err != nil {
			errs = append(errs, fmt.Errorf("scenario %s: %s: %w", s.Name, key, err))
		}
	}
	for i, w := range s.Background {
		check(fmt.Sprintf("background[%d]", i), w)
	}
	for i, step := range s.Steps {
		check(fmt.Sprintf("steps[%d]", i), step.Work)
	}
	return errors.Join(errs...)
}

// checkWork tries every value that each of the parameters can have.
func checkWork(w scenario.Work) error {
	a, err := action.Find(w.Action)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(w.Params)) {
		param := w.Params[name]
		for _, value := range param.Values() {
			_, err := a.Complete(action.Values{name: value})
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
