// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/nodesec/nodesec/internal/zeros"
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/posture"
)

// postures keeps what was read of the posture of the node and of the containers.
//
// The node's takes longer to read than a tick may be late, so it is read beside the sampling; a container's is read when
// the container is met first, and again with all others after each interval.
type postures struct {
	interval   time.Duration
	root       string
	mains      mains
	metrics    []posture.Description
	containers *posture.Reader
	due        time.Duration

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	facts []posture.Fact
	// fresh says that no sample has had the facts yet: only the first tells what changed.
	fresh  bool
	errors int64
}

func newPostures(root string, hierarchy *cgroup.Hierarchy, interval time.Duration) (*postures, error) {
	containers, err := posture.New(root)
	if err != nil {
		return nil, err
	}
	return &postures{
		interval: interval, root: root, mains: newMains(root, hierarchy), metrics: posture.Catalogue(), containers: containers,
	}, nil
}

// start reads the node's posture now and after each interval.
func (p *postures) start() error {
	node, err := posture.New(p.root)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.running.Go(func() {
		defer func() { _ = node.Close() }()
		ticker := time.NewTicker(p.interval)
		defer ticker.Stop()
		for {
			p.readNode(node)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return nil
}

func (p *postures) close() error {
	if p.cancel != nil {
		p.cancel()
		p.running.Wait()
	}
	return p.containers.Close()
}

func (p *postures) readNode(reader *posture.Reader) {
	facts, err := reader.Node()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.facts, p.fresh = facts, true
	p.errors += count(err)
}

// count is how many errors are joined in err.
func count(err error) int64 {
	if err == nil {
		return 0
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return int64(len(joined.Unwrap()))
	}
	return 1
}

// node returns the facts about the node. In all samples but the first after a reading nothing has changed.
func (p *postures) node() []posture.Fact {
	p.mu.Lock()
	defer p.mu.Unlock()
	facts := slices.Clone(p.facts)
	if !p.fresh {
		for i := range facts {
			if facts[i].Metric == posture.Changed {
				facts[i].Value = 0
			}
		}
	}
	p.fresh = false
	return facts
}

// takeErrors returns how many facts could not be read since the previous call.
func (p *postures) takeErrors() (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, p.errors = p.errors, 0
	return n
}

// refresh reads the posture of the containers that are due.
func (p *postures) refresh(entities map[*cgroup.Container]*entity, now time.Duration) {
	all := now >= p.due
	if all {
		p.due = now + p.interval
	}
	p.mains.begin()
	read := false
	for c, e := range entities {
		if (all || e.postureIsDue(now)) && !e.byNews {
			read = p.readContainer(c, e, now) || read
		}
	}
	if read {
		p.share(entities)
	}
}

// settling is how long a runtime may take until the main process of a container is what it was asked for.
const settling = 3 * time.Second

// postureIsDue says whether to read the posture before all others': at first, and again when what was read so early that
// the runtime may have been at work has settled.
func (e *entity) postureIsDue(now time.Duration) bool {
	return e.postureRead == 0 || e.postureRead-e.begun < settling && now-e.begun >= settling
}

// readContainer reads the posture of a container by its first process; false if it has none, or none that told.
func (p *postures) readContainer(c *cgroup.Container, e *entity, now time.Duration) bool {
	pid := p.mains.of(c.Path)
	if pid == 0 {
		return false
	}
	found, err := p.containers.Container(pid)
	if errors.Is(err, fs.ErrNotExist) && len(found.Facts) == 0 {
		return false
	}
	if found.Runtime && now-e.begun < settling {
		return false
	}
	p.mu.Lock()
	p.errors += count(err)
	p.mu.Unlock()
	e.posture, e.postureRead = found, now
	return true
}

// share finds the containers that share their process namespace, among all.
func (p *postures) share(entities map[*cgroup.Container]*entity) {
	list := make([]*entity, 0, len(entities))
	copies := make([]posture.Container, 0, len(entities))
	for _, e := range entities {
		if e.postureRead == 0 {
			continue
		}
		copied := e.posture
		copied.Facts = slices.Clip(copied.Facts)
		list, copies = append(list, e), append(copies, copied)
	}
	p.containers.ShareProcessNamespaces(copies)
	for i, e := range list {
		e.facts, e.shown = copies[i].Facts, nil
	}
}

// containers writes how many containers there are on the node, and how many have each of the postures that the metric
// counts. Services and other cgroups without a container's identity are none.
func (w *writer) containers(entities map[*cgroup.Container]*entity) {
	r := w.e.containers
	if r == nil {
		return
	}
	m := r.metric
	counts := make([]int64, len(m.values))
	for c, e := range entities {
		if e.byNews || c.ContainerID == "" && c.Runtime == "" {
			continue
		}
		counts[0]++ // all
		for _, fact := range e.facts {
			if place := slices.Index(m.values, fact.Name); fact.Metric == posture.Property && place > 0 {
				counts[place] += fact.Value
			}
		}
	}
	of := series{writer: w, metric: m}
	for place, n := range counts {
		of.record(place, r.numbers[place], n)
	}
}

// shown is how facts are shown in a sample: those that are written, and the features that are left out.
type shown struct {
	facts []posture.Fact
	zeros zeros.Set
}

// show chooses which facts are written. Those of an entity are the same until they are read again, so this is done once.
func (e *emitter) show(metrics []posture.Description, facts []posture.Fact) shown {
	s := shown{zeros: make(zeros.Set, len(e.zeros))}
	for _, fact := range facts {
		name := metrics[fact.Metric].Name
		number := e.numbers.of(name, fact.Name)
		switch {
		case e.metrics[name] == nil:
		case fact.Value == 0 && e.zeros != nil && number != unnumbered:
			s.zeros.Add(number)
		default:
			s.facts = append(s.facts, fact)
		}
	}
	return s
}

// posture writes facts.
func (w *writer) posture(metrics []posture.Description, s *shown) {
	for i, mask := range s.zeros {
		w.e.zeros[i] |= mask
	}
	for i := 0; i < len(s.facts); {
		of, end := s.facts[i].Metric, i
		for end < len(s.facts) && s.facts[end].Metric == of {
			end++
		}
		m, points := w.points(metrics[of].Name, end-i)
		for _, fact := range s.facts[i:end] {
			w.point(m, points, fact.Name).SetIntValue(fact.Value)
		}
		i = end
	}
}
