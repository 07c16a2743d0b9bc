// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Plan is a scenario with everything decided that the seed decides: the same scenario and seed give the same plan.
type Plan struct {
	Scenario   *Scenario
	Seed       uint64
	Background []Task
	Steps      []Task
}

// Task is an action with the parameters to use.
type Task struct {
	// Step is empty for the background.
	Step      string
	Label     Label
	Technique string
	Actor     string
	Action    string
	Params    map[string]string
	// Wait is the pause before it.
	Wait    time.Duration
	Timeout time.Duration
	// Seed is for what the action draws itself.
	Seed uint64
}

// Plan decides what the scenario leaves open. Scenarios with the same seed draw different numbers.
func (s *Scenario) Plan(seed uint64) Plan {
	name := fnv.New64a()
	_, _ = name.Write([]byte(s.Name))
	random := rand.New(rand.NewPCG(seed, name.Sum64()))
	plan := Plan{Scenario: s, Seed: seed}
	for _, work := range s.Background {
		plan.Background = append(plan.Background, work.decide(random))
	}
	for _, step := range s.Steps {
		repeats, _ := strconv.Atoi(step.Repeat.choose(random))
		for range repeats {
			task := step.decide(random)
			task.Step, task.Label, task.Technique, task.Timeout = step.Name, step.Label, step.Technique, step.Timeout
			task.Wait = step.After
			if step.Jitter > 0 {
				task.Wait += time.Duration(random.Int64N(int64(step.Jitter)))
			}
			plan.Steps = append(plan.Steps, task)
		}
	}
	return plan
}

// decide draws the parameters in the order of their names, so that the order of a map does not matter.
func (w Work) decide(random *rand.Rand) Task {
	task := Task{Actor: w.Actor, Action: w.Action, Params: map[string]string{}, Seed: random.Uint64()}
	for _, name := range slices.Sorted(maps.Keys(w.Params)) {
		task.Params[name] = w.Params[name].choose(random)
	}
	return task
}
