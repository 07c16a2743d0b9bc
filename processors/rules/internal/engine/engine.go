// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/nodesec/nodesec/internal/entity"
)

// Settings bound what an engine remembers.
type Settings struct {
	// TTL is how long an entity is remembered after its newest sample.
	TTL time.Duration
	// MaxEntities is how many entities are remembered.
	MaxEntities int
}

// maxTexts is how many different values of a text first_seen remembers. When there are more, it no longer says anything.
const maxTexts = 1 << 16

// textWarmUp is how long first_seen of a text learns what there is, unless the rule says another time.
const textWarmUp = 10 * time.Minute

// Sample is what rules are evaluated over. It is made by Engine.Begin.
type Sample struct {
	Identity *entity.Identity
	// Time is the time of the sample in nanoseconds since the epoch.
	Time int64
	// Windows are the lengths of the windows that features are about, in seconds, by slot; 0 is unknown.
	Windows []float64
	// Attribute returns an attribute of the resource, as text.
	Attribute func(key string) string
}

// Fired is a rule that fires.
type Fired struct {
	Rule *Rule
	// Kept says that it fires because of keep_firing_for only: its condition does not hold.
	Kept bool
	// place is that in the rules of the scope.
	place int
}

// Engine evaluates a program over samples. It must be used by one goroutine at a time.
type Engine struct {
	settings Settings
	program  *Program
	frame    frame
	sample   Sample
	nothing  []float64 // NaN for each number
	fired    []Fired

	clock    clock
	entities map[uint64]*state
	oldest   *state
	newest   *state
	groups   map[uint64]*group
	texts    map[textKey]*seenTexts
	digest   xxhash.Digest

	// Counts are what has been counted; who reports them sets them to zero.
	Counts Counts
}

// Counts are what an engine counts.
type Counts struct {
	// By Rule.Index.
	Matches, NotEvaluable, Errors []int64
	Evaluations                   int64
	// Entities that were forgotten, because of their TTL and because there were too many.
	Expired, Evicted int64
}

// NewEngine returns an engine without memory.
func NewEngine(p *Program, settings Settings) *Engine {
	e := &Engine{
		settings: settings, entities: map[uint64]*state{}, groups: map[uint64]*group{}, texts: map[textKey]*seenTexts{},
	}
	e.use(p)
	return e
}

func (e *Engine) use(p *Program) {
	e.program = p
	n := len(p.slots.numbers)
	e.frame = frame{numbers: make([]float64, n), texts: make([]string, len(p.slots.texts))}
	e.sample.Windows = make([]float64, n)
	e.nothing = make([]float64, n)
	for i := range e.nothing {
		e.nothing[i] = math.NaN()
	}
	rules := len(p.Rules)
	e.Counts = Counts{
		Matches: make([]int64, rules), NotEvaluable: make([]int64, rules), Errors: make([]int64, rules),
	}
}

// Program returns the program that is evaluated.
func (e *Engine) Program() *Program { return e.program }

// Entities is how many entities are remembered.
func (e *Engine) Entities() int { return len(e.entities) }

// Begin begins a sample. The caller sets its identity, time and attributes, and its features with Set, and calls Evaluate.
func (e *Engine) Begin() *Sample {
	copy(e.frame.numbers, e.nothing)
	clear(e.sample.Windows)
	e.sample = Sample{Windows: e.sample.Windows}
	return &e.sample
}

// Set sets a feature, by the slot that Program.Feature tells, and the length of its window in seconds, 0 if unknown. A
// value that is no finite number counts as missing.
func (e *Engine) Set(slot int32, value, window float64) {
	if math.IsInf(value, 0) {
		value = math.NaN()
	}
	e.frame.numbers[slot] = value
	e.sample.Windows[slot] = window
}

// Evaluate evaluates the rules over the sample that was begun. The result is valid until the next call.
func (e *Engine) Evaluate() []Fired {
	e.fired = e.fired[:0]
	scope := e.sample.Identity.Scope
	p := &e.program.scopes[scope]
	if len(p.rules) == 0 {
		return nil
	}
	for i := range e.program.slots.texts {
		e.frame.texts[i] = e.text(&e.program.slots.texts[i])
	}
	e.tell(e.sample.Time)
	s := e.enter(p)
	e.derive(s, p, &e.sample)
	late := e.sample.Time < s.seen
	for i := range p.rules {
		e.evaluate(&p.rules[i], i, s, late)
	}
	s.seen = max(s.seen, e.sample.Time)
	e.Counts.Evaluations += int64(len(p.rules))
	return e.fired
}

func (e *Engine) text(t *text) string {
	if t.attribute == "" {
		return identityText(e.sample.Identity, t.name)
	}
	if e.sample.Attribute == nil {
		return ""
	}
	return e.sample.Attribute(t.attribute)
}

// evaluate evaluates a rule. A late sample, one that is older than the newest of its entity, leaves the state as it is.
func (e *Engine) evaluate(r *scopeRule, place int, s *state, late bool) {
	holds := e.holds(r, s, late)
	if holds == unknown {
		e.Counts.NotEvaluable[r.Index]++
		if e.frame.err != nil {
			e.frame.err = nil
			e.Counts.Errors[r.Index]++
		}
	}
	fires := holds == yes
	switch {
	case r.timer < 0:
	case late:
		fires = fires && r.For == 0
	default:
		fires = s.timers[r.timer].next(holds, e.sample.Time, int64(r.For), int64(r.KeepFiringFor))
	}
	if fires {
		e.Counts.Matches[r.Index]++
		e.fired = append(e.fired, Fired{Rule: r.Rule, Kept: holds != yes, place: place})
	}
}

// holds says whether a rule's condition or sequence holds and none of its exceptions does.
func (e *Engine) holds(r *scopeRule, s *state, late bool) truth {
	var holds truth
	switch {
	case r.condition != nil:
		holds = r.condition.holds(&e.frame)
	case late:
		holds = unknown
	default:
		n := int32(len(r.sequence))
		holds = sequence(s.steps[r.steps:r.steps+n], r.sequence, &e.frame, e.sample.Time, int64(r.Within))
	}
	if holds != yes {
		return holds
	}
	for _, exception := range r.exceptions {
		if exception.holds(&e.frame) == yes {
			return no
		}
	}
	return yes
}
