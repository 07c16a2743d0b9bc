// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

func TestRankingKeepsTheLargest(t *testing.T) {
	for _, tt := range []struct {
		name   string
		most   int
		values []uint64
		want   []int
	}{
		{"in order", 3, []uint64{9, 8, 7, 6, 5, 4}, []int{0, 1, 2}},
		{"in reverse order", 3, []uint64{1, 2, 3, 4, 5, 6}, []int{5, 4, 3}},
		{"fewer than there is room for", 9, []uint64{1, 3, 2}, []int{1, 2, 0}},
		{"of equals the first", 2, []uint64{5, 5, 5, 7}, []int{3, 0}},
		{"what used nothing has no rank", 3, []uint64{0, 1, 0}, []int{1}},
		{"none", 0, []uint64{1, 2}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ranking{most: tt.most}
			for i, value := range tt.values {
				r.offer(&process{pid: i}, value)
			}
			var got []int
			for _, entry := range r.best {
				got = append(got, entry.process.pid)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestChoice(t *testing.T) {
	const (
		idle = iota
		worker
		hog
		copier
		stale
	)
	for _, tt := range []struct {
		name string
		cfg  ProcessesConfig
		want []int
	}{
		{"nothing", ProcessesConfig{}, nil},
		{"all", ProcessesConfig{All: true}, []int{idle, worker, hog, copier, stale}},
		{"active", ProcessesConfig{Active: true}, []int{worker, copier}},
		{"the first of each kind", ProcessesConfig{Top: 1}, []int{worker, hog, copier}},
		{"named by its executable's name", ProcessesConfig{Match: []string{"^id"}}, []int{idle}},
		{"named by its executable's path", ProcessesConfig{Match: []string{"x", "^/opt/.*r$"}}, []int{copier}},
		{"by several rules", ProcessesConfig{Top: 1, Active: true, Match: []string{"idle"}}, []int{idle, worker, hog, copier}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			processes := []*process{
				{comm: "idle", stat: procfs.PIDStat{RSS: 5}},
				{comm: "worker", stat: procfs.PIDStat{RSS: 6}, ran: true, active: true},
				{comm: "hog", stat: procfs.PIDStat{RSS: 1000}, ran: true},
				{comm: "copy", profile: profile{path: "/opt/copier"}, ran: true, active: true},
				{comm: "stale", stat: procfs.PIDStat{RSS: 1}, active: true}, // active before, but it did not run now
			}
			processes[worker].counters[processSystemTime].growth = 7
			processes[copier].counters[processReadChars].growth = 1 << 20
			processes[stale].counters[processUserTime].growth = 99
			c, err := newChoice(&tt.cfg)
			assert.NoError(t, err)
			var got []int
			for range 2 { // the second time shows that nothing is left of the first
				c.begin()
				for _, p := range processes {
					c.match(p)
					c.consider(p)
				}
				c.end()
				got = nil
				for i, p := range processes {
					if p.chosen {
						got = append(got, i)
					}
				}
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestProcessesThatAreNotChosenAreCounted(t *testing.T) {
	run := newProcessRun(t, func(cfg *Config) {
		cfg.Processes = ProcessesConfig{Match: []string{"^/usr/bin/bash$"}}
	})
	assert.Equal(t, []int{shell}, pids(run.scrape()))
	assert.Equal(t, int64(4), run.scraper.emitter.notEmitted)
}
