// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
)

// containerScraper samples the containers of the node. A container is known by its cgroup directory: another directory
// under the same name is another container, which has its counters begin anew.
type containerScraper struct {
	tree    *cgroup.Tree
	network *namespaces
	known   map[*cgroup.Container]*container
	stats   cgroup.Stats
	// processes are those of each container in this scrape.
	processes map[*cgroup.Container]processGroup
	// listed is when the previous scrape listed the containers, as time since boot; zero before the first.
	listed time.Duration
	// scrapes counts the calls of scrape.
	scrapes uint64
}

// container is what the scraper remembers of a container between two scrapes.
type container struct {
	life     *life
	resource pcommon.Resource
	// usage is the CPU usage at the previous scrape, in nanoseconds; known after it.
	usage cgroupUsage
	// sums over its processes, in cumulative temporality.
	sums processSums
	// sampled is the scrape of its latest sample.
	sampled uint64
}

// newContainerScraper returns a scraper of the containers below root. units says whether systemd's services and scopes
// and other leaf cgroups outside containers are sampled as well.
func newContainerScraper(root string, hierarchy *cgroup.Hierarchy, units bool) *containerScraper {
	return &containerScraper{
		tree:    cgroup.NewTree(hierarchy, units),
		network: newNamespaces(root),
		known:   map[*cgroup.Container]*container{}, processes: map[*cgroup.Container]processGroup{},
	}
}

// close gives back the files that are kept open.
func (s *containerScraper) close() { s.tree.Close() }

// scrape emits a sample of each container and returns how many there are. The error means that the containers could not
// be listed: there are no samples then.
func (s *containerScraper) scrape(e *emitter, table *processTable) (containers int, err error) {
	if err := s.tree.Refresh(); err != nil {
		return 0, err
	}
	listed := e.clock.boot()
	e.readErrors += int64(s.tree.Overfull())
	s.scrapes++
	s.countProcesses(table)
	s.network.begin(e.tick.Interval)
	for _, c := range s.tree.Containers() {
		switch err := s.sample(e, table, c); {
		case err == nil:
			containers++
		case errors.Is(err, fs.ErrNotExist):
			e.vanished++
		default:
			e.readErrors++
		}
	}
	s.forget()
	s.listed = listed
	return containers, nil
}

// sample reads and emits one container. Nothing is recorded before all of it is read.
func (s *containerScraper) sample(e *emitter, table *processTable, c *cgroup.Container) error {
	missing, err := s.tree.Read(c, &s.stats)
	if err != nil {
		return err
	}
	read := e.clock.boot()
	known := s.known[c]
	if known == nil {
		known = &container{
			life:     newLife(e.temporality, s.born(e, c), s.listed),
			resource: containerResource(e, c),
		}
		s.known[c] = known
	}
	known.sampled = s.scrapes
	r := containerRecorder{recorder: e.recorder(known.life), e: e, container: known, read: read}
	r.record(&s.stats)
	mask := containerSources(missing)
	if table.counts.knowsProcesses {
		group := s.processes[c]
		r.recordProcesses(&group, table.knowsGrowth(), s.stats.CPUUsage.Known)
		mask |= group.missing | r.recordNetwork(s.network, group.pid)
	} else {
		mask |= sourceProcessCgroup | sourceNamespaceNet
	}
	e.emit(known.life, read, int64(mask), known.resource)
	return nil
}

// born is when the container was made, as time since boot; zero if unknown. The kernel's time of a directory is that of
// the last clock tick, so for one that was not listed before, the time of that listing is the lower bound.
func (s *containerScraper) born(e *emitter, c *cgroup.Container) time.Duration {
	born := min(e.startedBoot-e.started.Sub(c.Made), e.clock.boot())
	if c.Fresh {
		born = max(born, s.listed)
	}
	return max(born, 0)
}

// forget drops the containers that are gone.
func (s *containerScraper) forget() {
	for c, known := range s.known {
		if known.sampled != s.scrapes {
			delete(s.known, c)
		}
	}
}

func containerResource(e *emitter, c *cgroup.Container) pcommon.Resource {
	rb, known := e.resource(), e.runtime.Of(c.ContainerID)
	for _, attribute := range []struct {
		value string
		set   func(string)
	}{
		{known.Kind, rb.SetNodesecContainerKind},
		{known.Namespace, rb.SetK8sNamespaceName},
		{known.Pod, rb.SetK8sPodName},
		{known.Name, rb.SetK8sContainerName},
		{known.Image, rb.SetContainerImageName},
		{known.Tag, rb.SetContainerImageTag},
		{c.ContainerID, rb.SetContainerID},
		{strings.ToValidUTF8(c.Name, "�"), rb.SetContainerName},
		{c.Runtime, rb.SetContainerRuntimeName},
		{c.PodUID, rb.SetK8sPodUID},
		{c.QoS, rb.SetNodesecPodQosClass},
		{strings.ToValidUTF8(c.Path, "�"), rb.SetNodesecCgroupPath},
	} {
		if attribute.value != "" {
			attribute.set(attribute.value)
		}
	}
	return rb.Emit()
}

// containerSources are the bits of a sample for the files of its cgroup that could not be read.
func containerSources(missing cgroup.Source) (mask source) {
	for _, bit := range []struct {
		files  cgroup.Source
		source source
	}{
		{cgroup.SourceCPU, sourceCgroupCPU},
		{cgroup.SourceCPUBandwidth, sourceCgroupCPUBandwidth},
		{cgroup.SourceMemory, sourceCgroupMemory},
		{cgroup.SourceIO, sourceCgroupIO},
		{cgroup.SourcePIDs, sourceCgroupPIDs},
		{cgroup.SourcePressure, sourceCgroupPressure},
	} {
		if missing&bit.files != 0 {
			mask |= bit.source
		}
	}
	return mask
}
