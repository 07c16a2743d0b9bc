// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"fmt"
	"regexp"
)

// choice decides which processes of a tick get a sample: those that were active, those that used most, and those that a
// filter names. A process that several rules want is chosen once.
type choice struct {
	all, active     bool
	filters         []*regexp.Regexp
	cpu, memory, io ranking
}

// ranking keeps the processes with the largest values, the largest first.
type ranking struct {
	most int
	best []ranked
}

type ranked struct {
	process *process
	value   uint64
}

func newChoice(cfg *ProcessesConfig) (*choice, error) {
	c := &choice{all: cfg.All, active: cfg.Active}
	for _, ranking := range []*ranking{&c.cpu, &c.memory, &c.io} {
		ranking.most = cfg.Top
	}
	for i, expression := range cfg.Match {
		filter, err := regexp.Compile(expression)
		if err != nil {
			return nil, fmt.Errorf("processes::match[%d]: %w", i, err)
		}
		c.filters = append(c.filters, filter)
	}
	return c, nil
}

func (c *choice) begin() {
	for _, ranking := range []*ranking{&c.cpu, &c.memory, &c.io} {
		ranking.best = ranking.best[:0]
	}
}

// needsProfile says that the filters must see the profile of a process.
func (c *choice) needsProfile() bool { return len(c.filters) > 0 && !c.all }

// match applies the filters to the profile of a process.
func (c *choice) match(p *process) {
	p.profile.matched = false
	for _, filter := range c.filters {
		if filter.MatchString(p.comm) || filter.MatchString(p.profile.path) {
			p.profile.matched = true
			return
		}
	}
}

// consider takes the process into account.
func (c *choice) consider(p *process) {
	p.chosen = c.all || c.active && p.ran && p.active || p.profile.matched
	if c.all {
		return
	}
	c.cpu.offer(p, p.grew(processUserTime)+p.grew(processSystemTime))
	c.memory.offer(p, p.stat.RSS)
	// Bytes that reached storage are among those that calls moved, unless they went by way of mapped memory.
	c.io.offer(p, max(p.grew(processReadChars)+p.grew(processWrittenChars),
		p.grew(processReadBytes)+p.grew(processWrittenBytes)))
}

// end chooses the processes that used most.
func (c *choice) end() {
	for _, ranking := range []*ranking{&c.cpu, &c.memory, &c.io} {
		for _, entry := range ranking.best {
			entry.process.chosen = true
		}
	}
}

// offer ranks the process. One that used nothing has no rank; of equals the first keeps its rank.
func (r *ranking) offer(p *process, value uint64) {
	n := len(r.best)
	if value == 0 || r.most == 0 || n == r.most && value <= r.best[n-1].value {
		return
	}
	if n < r.most {
		r.best = append(r.best, ranked{})
		n++
	}
	at := n - 1
	for ; at > 0 && r.best[at-1].value < value; at-- {
		r.best[at] = r.best[at-1]
	}
	r.best[at] = ranked{p, value}
}
